/** Asking files for readiness (vfs_poll): what poll(2) and epoll share. */
import type { File } from './file.ts';
import { EPOLLOUT } from './syscall.ts';

/** Key of the wake-up that says "this file is going away": epoll items leave it, nobody who waits for events cares. */
export const POLLFREE = 0x4000;

/** A file that tells writers when there is room only if one of them was refused before (SOCK_NOSPACE). */
interface RoomFile extends File {
  wantRoom(): void;
}

/** A file that asks others. */
interface AskingFile extends File {
  ask(): number;
}

/**
 * The events that hold now. Unlike `file.poll()` it has tcp_poll()'s side effect: a socket without room for writing notes
 * that somebody wants to be told.
 */
export function pollFile(file: File): number {
  if (file.kind === 'epoll') return (file as AskingFile).ask();
  const mask = file.poll();
  if ((mask & EPOLLOUT) === 0 && file.kind === 'tcp') (file as RoomFile).wantRoom();
  return mask;
}

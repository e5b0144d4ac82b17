/** open, pipe, sendfile, splice. */
import type { CallTable } from './calls.ts';
import { one } from './rig.ts';

/** SPLICE_F_MOVE, _NONBLOCK, _MORE and _GIFT; the first and the last are of no effect. */
const SPLICE_FLAGS = 15;

export const FILE_CALLS: CallTable = {
  open: (a, x) => {
    a.expect(2);
    if (a.int(1) !== 0) a.refuse(`with ${a.text(1)}`);
    const size = x.fileSize(a.string(0));
    if (size === null) a.refuse(`of ${a.string(0)}: the script has not made it`);
    return { body: one((sys) => sys.open(size!)), opens: true };
  },
  pipe: (a, x) => {
    a.expect(1);
    const ends = a.items(0).map((e) => (e.kind === 'int' ? e.value : a.refuse('with such a list')));
    if (ends.length !== 2) a.refuse(`with ${ends.length} descriptors`);
    const live = [0, 0];
    const after = (result: number): void => {
      if (result === 0) ends.forEach((fd, i) => x.fds.set(fd, live[i]!));
    };
    return { body: one((sys) => sys.pipe(live)), after };
  },
  sendfile: (a) => {
    a.expect(4);
    const [out, file, count] = [a.fd(0), a.fd(1), a.int(3)];
    const offset = a.at(2).kind === 'int' && a.isNull(2) ? -1 : a.boxed(2);
    return { body: one((sys) => sys.sendfile(out, file, offset, count)) };
  },
  splice: (a) => {
    a.expect(6);
    if (!a.isNull(1) || !a.isNull(3)) a.refuse('with an offset');
    const [from, to, count, flags] = [a.fd(0), a.fd(2), a.int(4), a.int(5)];
    if ((flags & ~SPLICE_FLAGS) !== 0) a.refuse(`with ${a.text(5)}`);
    return { body: one((sys) => sys.splice(from, to, count, flags)) };
  },
};

/** How reports are coloured: the sink decides whether at all. */

export type Tone = 'good' | 'bad' | 'faint' | 'strong';
export type Paint = (tone: Tone, text: string) => string;

export const plain: Paint = (_tone, text) => text;

/** Width of a report, as of a terminal of the old kind. */
export const WIDTH = 80;

/** Breaks a text into lines of at most `width`, at spaces. */
export function wrap(text: string, width: number = WIDTH): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/).filter((w) => w !== '')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = '';
    }
    line = line === '' ? word : `${line} ${word}`;
  }
  if (line !== '') lines.push(line);
  return lines;
}

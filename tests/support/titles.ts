/** The titles of the tests in a file, read off its source: what stands in a comment or a text beside them is none. */
import { type Node, parse, walk } from './tidy.ts';

const TESTS = new Set(['it', 'test', 'describe', 'group']);

/** Of every describe(), it() and test(), .each and the like too; what is only known at run time stands as `…`. Skipped ones are none. */
export function titlesIn(source: string): string[] {
  const titles: string[] = [];
  walk(parse('tests.ts', source), (node) => {
    if (node.type !== 'CallExpression') return;
    const words = calleeOf(node['callee'] as Node);
    if (!TESTS.has(words[0]!) || words.includes('skip') || words.includes('todo')) return;
    const [first] = node['arguments'] as Node[];
    const title = first === undefined ? null : textOf(first);
    if (title !== null) titles.push(title);
  });
  return titles;
}

/** `it.each([…])` → it, each. */
function calleeOf(node: Node): string[] {
  if (node.type === 'Identifier') return [node['name'] as string];
  if (node.type === 'CallExpression') return calleeOf(node['callee'] as Node);
  if (node.type !== 'MemberExpression') return [''];
  return [...calleeOf(node['object'] as Node), ...calleeOf(node['property'] as Node)];
}

function textOf(node: Node): string | null {
  if (node.type === 'Literal') return typeof node['value'] === 'string' ? node['value'] : null;
  if (node.type !== 'TemplateLiteral') return null;
  const parts = node['quasis'] as { value: { cooked: string } }[];
  return parts.map((p) => p.value.cooked).join('…');
}

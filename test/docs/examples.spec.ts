import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';

const GUIDES = path.join(import.meta.dirname, '../../docs/guides');
const LANGUAGE: Record<string, string> = { '.sh': 'sh', '.ts': 'ts', '.py': 'python' };

/** The blocks of code in a guide, fences included. */
function blocksOf(guide: string): string[] {
  const text = readFileSync(path.join(GUIDES, guide), 'utf8');
  return [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map(([block]) => block);
}

describe('the examples in the guides', () => {
  const results = blocksOf('results.md');
  const others = [...blocksOf('webhooks.md'), ...blocksOf('streaming.md')];
  const images = blocksOf('images.md');
  const texts = blocksOf('text.md');
  const examples = readdirSync(path.join(GUIDES, 'examples'));

  it.each(examples)('%s stands there as it is tested', (example) => {
    const text = readFileSync(path.join(GUIDES, 'examples', example), 'utf8');
    const block = `\`\`\`${LANGUAGE[path.extname(example)] ?? ''}\n${text}\`\`\``;
    expect([...results, ...others, ...images, ...texts]).toContain(block);
  });

  it('are all programs that stand there: none is shown that is not tested', () => {
    // A command alone is no program.
    const isProgram = (block: string) => !block.startsWith('```sh') || block.includes('#!/');
    const programs = [
      ...results,
      ...others.filter(isProgram),
      ...images.filter((block) => /^```\w+\n(#!|""")/.test(block)),
      ...texts.filter((block) => /^```\w+\n(\/\/|""")/.test(block)),
    ];
    expect(programs).toHaveLength(examples.length);
  });
});

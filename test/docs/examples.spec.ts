import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';

const GUIDES = path.join(import.meta.dirname, '../../docs/guides');
const LANGUAGE: Record<string, string> = { '.sh': 'sh', '.ts': 'ts', '.py': 'python' };

describe('the examples in the guides', () => {
  const guide = readFileSync(path.join(GUIDES, 'results.md'), 'utf8');
  const blocks = [...guide.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map(([block]) => block);
  const examples = readdirSync(path.join(GUIDES, 'examples'));

  it.each(examples)('%s stands there as it is tested', (example) => {
    const text = readFileSync(path.join(GUIDES, 'examples', example), 'utf8');
    expect(blocks).toContain(`\`\`\`${LANGUAGE[path.extname(example)] ?? ''}\n${text}\`\`\``);
  });

  it('are all that stands there: nothing is shown that is not tested', () => {
    expect(blocks).toHaveLength(examples.length);
  });
});

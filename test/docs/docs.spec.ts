import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { describeSettings } from '#libs/config';
import { PROBLEMS } from '#libs/contracts';

const ROOT = path.join(import.meta.dirname, '../..');

function read(file: string): string {
  return readFileSync(path.join(ROOT, file), 'utf8');
}

function files(...patterns: string[]): string[] {
  return globSync(patterns, { cwd: ROOT }).sort();
}

/** What stands in backticks in the rows of a page's tables. */
function namesInTables(file: string): Set<string> {
  const rows = read(file)
    .split('\n')
    .filter((line) => line.startsWith('|'));
  return new Set(
    rows.flatMap((row) => [...row.matchAll(/`([^`]+)`/g)].map(([, name]) => name ?? '')),
  );
}

/** Targets of a page's links, without those to other sites, to places on the same page, and in code. */
function relativeLinks(file: string): string[] {
  const prose = read(file)
    .replace(/^```[\s\S]*?^```/gm, '')
    .replace(/`[^`\n]*`(?!\])/g, '');
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target]) => target ?? '')
    .filter((target) => !/^([a-z]+:|#)/i.test(target));
}

function metricsInSources(): string[] {
  const sources = files('apps/**/*.ts', 'libs/**/*.ts').filter(
    (file) => !file.endsWith('.spec.ts'),
  );
  const names = sources.flatMap((file) =>
    [...read(file).matchAll(/'(foretell_[a-z_]+)'/g)].map(([, name]) => name ?? ''),
  );
  return [...new Set(names)];
}

describe('the reference', () => {
  it('has every setting', () => {
    const documented = namesInTables('docs/reference/settings.md');
    const settings = describeSettings().map(({ name }) => name);
    expect(settings).not.toHaveLength(0);
    expect(settings.filter((name) => !documented.has(name))).toEqual([]);
  });

  it('has every problem code', () => {
    const documented = namesInTables('docs/reference/problems.md');
    expect(Object.keys(PROBLEMS).filter((code) => !documented.has(code))).toEqual([]);
  });

  it('has every metric', () => {
    const documented = namesInTables('docs/reference/metrics.md');
    const metrics = metricsInSources();
    expect(metrics).not.toHaveLength(0);
    expect(metrics.filter((name) => !documented.has(name))).toEqual([]);
  });
});

describe('the pages', () => {
  const pages = files('README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'docs/**/*.md');

  it.each(pages)('%s links to files that exist', (page) => {
    const missing = relativeLinks(page).filter((target) => {
      const [file = ''] = target.split('#');
      return !existsSync(path.join(ROOT, path.dirname(page), file));
    });
    expect(missing).toEqual([]);
  });
});

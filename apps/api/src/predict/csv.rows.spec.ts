import { describe, expect, it } from '@jest/globals';
import type { TabularField, VersionDescription } from '#libs/contracts';
import { InputValidator } from '#libs/models';
import { problemOf } from '#libs/testing';
import { checkCsv } from './csv.rows.js';

const FIELDS: TabularField[] = [
  { name: 'age', mean: 0, std: 1, minimum: 0, maximum: 120 },
  { name: 'income, net', mean: 0, std: 1, missing: 'nan' },
  { type: 'boolean', name: 'member' },
  { type: 'category', name: 'plan', categories: ['a', 'b "plus"'], encoding: 'one-hot' },
];

const VERSION = {
  model: 'shop',
  version: '1',
  input: { kind: 'tabular', fields: FIELDS },
  output: { kind: 'tensor' },
} as unknown as VersionDescription;

function check(csv: string | Buffer, version = VERSION) {
  return checkCsv(version, new InputValidator(version), Buffer.from(csv), undefined);
}
const rowsOf = (csv: string | Buffer) => check(csv).rows;
const errorsOf = (csv: string | Buffer) => {
  const { code, errors } = problemOf(() => check(csv));
  expect(code).toBe('invalid-input');
  return errors?.map(({ pointer, message }) => `${pointer} ${message}`);
};

const HEADER = 'age,"income, net",member,plan';
const ROW = { age: 30, 'income, net': 1.5, member: true, plan: 'a' };

describe('checkCsv', () => {
  it('reads rows by the names in the header, in any order, with types of the fields', () => {
    expect(rowsOf(`${HEADER}\n30,1.5,true,a\n`)).toEqual([ROW]);
    expect(rowsOf('plan,member,age,"income, net"\na,True,30,1.5')).toEqual([ROW]);
    expect(
      rowsOf(' age ,income,member,plan'.replace('income', '"income, net"') + '\n30,1.5,1,a'),
    ).toEqual([ROW]);
  });

  it.each([
    ['line feeds', `${HEADER}\n30,1.5,true,a\n30,1.5,true,a\n`],
    ['carriage returns and line feeds', `${HEADER}\r\n30,1.5,true,a\r\n30,1.5,true,a`],
    ['carriage returns', `${HEADER}\r30,1.5,true,a\r30,1.5,true,a\r`],
    ['line ends of all kinds', `${HEADER}\n30,1.5,true,a\r\n30,1.5,true,a\r\n`],
    ['a byte order mark', `\ufeff${HEADER}\n30,1.5,true,a\n30,1.5,true,a`],
    ['empty lines', `\n${HEADER}\n\n30,1.5,true,a\r\n\n30,1.5,true,a\n\n\n`],
    [
      'quotes everywhere',
      `"age","income, net","member","plan"\n"30","1.5","true","a"\n30,1.5,true,a`,
    ],
  ])('reads %s', (_, csv) => {
    expect(rowsOf(csv)).toEqual([ROW, ROW]);
  });

  it('takes an empty cell, and a column that is left out, for a missing value', () => {
    const rest = { age: 30, member: true, plan: 'a' };
    expect(rowsOf(`${HEADER}\n30,,true,a\n30,"",true,a`)).toEqual([rest, rest]);
    expect(rowsOf('age,member,plan\n30,true,a')).toEqual([rest]);
  });

  it('keeps quotes that are doubled, and warns of what is out of range', () => {
    const { rows, warnings } = check(`${HEADER}\n200,1.5,0,"b ""plus"""`);
    expect(rows).toEqual([{ ...ROW, age: 200, member: false, plan: 'b "plus"' }]);
    expect(warnings.map(({ pointer }) => pointer)).toEqual(['/inputs/0/age']);
  });

  it('says in which line and column a cell is wrong', () => {
    const csv = `${HEADER}\n30,1.5,true,a\n\nold,1.5,maybe,a\n,1.5,true,"c\nd"\n30,"1,5",true,a`;
    expect(errorsOf(csv)).toEqual([
      '/inputs/1/age line 4, column "age": must be number',
      '/inputs/1/member line 4, column "member": must be boolean',
      '/inputs/2/age line 6, column "age": is missing',
      '/inputs/2/plan line 6, column "plan": must be one of "a", "b \\"plus\\""',
      '/inputs/3/income, net line 7, column "income, net": must be number,null',
    ]);
  });

  it.each([
    ['', '/inputs has no header: its first line names the columns'],
    ['\n\n', '/inputs has no header: its first line names the columns'],
    [HEADER, '/inputs has no row below its header'],
    [`${HEADER}\n30,1.5,true`, '/inputs line 2 has 3 cells, which is not what the header has'],
    [`${HEADER}\n30,1.5,true,a,b`, '/inputs line 2 has 5 cells, which is not what the header has'],
    [`${HEADER}\n30,1.5,true,"a`, '/inputs has a quote that is opened and never closed'],
    [`${HEADER}\n30,1.5,true,a"b`, '/inputs line 2 has a quote where none may be'],
    [`${HEADER}\n30,1.5,true,"a"b`, '/inputs line 2 has a quote where none may be'],
    [
      'age;member;plan\n30;true;a',
      '/inputs must separate its columns by commas, not by semicolons',
    ],
    ['age\tmember\tplan\n30\ttrue\ta', '/inputs must separate its columns by commas, not by tabs'],
    [Buffer.from('616765ff0a', 'hex'), '/inputs must be UTF-8'],
    [Buffer.from(`\ufeff${HEADER}`, 'utf16le'), '/inputs must be UTF-8'],
  ])('refuses %j', (csv, error) => {
    expect(errorsOf(csv)?.[0]).toContain(error);
  });

  it('says what is wrong with a header', () => {
    expect(errorsOf('age,age,colour,,__proto__\n1,2,3,4,5')).toEqual([
      '/inputs has the column "age" twice',
      '/inputs has "colour", which is no field of shop',
      '/inputs has column 4 without a name, which is no field of shop',
      '/inputs has "__proto__", which is no field of shop',
      '/inputs has no column "member"',
      '/inputs has no column "plan"',
    ]);
    expect(errorsOf('30,1.5,true,a\n30,1.5,true,a')?.[0]).toContain('has "30", which is no field');
  });

  it('bears a header of any length', () => {
    expect(errorsOf(Array.from({ length: 200_000 }, (_, i) => i).join(','))).toHaveLength(20);
    expect(errorsOf('x'.repeat(500_000))?.[0]?.length).toBeLessThan(150);
  });

  it('takes as many rows as a job may have instances', () => {
    const rows = (count: number) => `${HEADER}\n${'30,1.5,true,a\n'.repeat(count)}`;
    expect(rowsOf(rows(1000))).toHaveLength(1000);
    expect(errorsOf(rows(1001))).toEqual(['/inputs must have at most 1000 rows below its header']);
    expect(errorsOf(rows(100_000))).toEqual([
      '/inputs must have at most 1000 rows below its header',
    ]);
  });

  it('is refused where instances are no rows', () => {
    const images = {
      ...VERSION,
      input: { kind: 'image', width: 1, height: 1 },
    } as VersionDescription;
    expect(problemOf(() => check(HEADER, images)).code).toBe('unsupported-media-type');
    const processed = { ...VERSION, hooks: ['preprocess'] } as unknown as VersionDescription;
    expect(problemOf(() => check(HEADER, processed)).code).toBe('unsupported-media-type');
  });
});

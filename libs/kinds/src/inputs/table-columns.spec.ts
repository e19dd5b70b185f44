import { describe, expect, it } from '@jest/globals';
import type { TabularField } from '#libs/contracts';
import { tableColumns } from './table-columns.js';

const read = (field: TabularField, cell: string) => tableColumns([field])[0]?.read(cell);

describe('tableColumns', () => {
  it.each([
    ['5.1', 5.1],
    ['-3', -3],
    ['+.5', 0.5],
    ['2.', 2],
    ['1e-3', 0.001],
    [' 7 ', 7],
    ['1e400', '1e400'],
    ['5,1', '5,1'],
    ['0x10', '0x10'],
    ['1_000', '1_000'],
    ['NaN', 'NaN'],
    ['Infinity', 'Infinity'],
    [' ', ' '],
    ['1 2', '1 2'],
    ['five', 'five'],
  ])('read the number %p as %p', (cell, value) => {
    expect(read({ name: 'x', mean: 0, std: 1 }, cell)).toBe(value);
  });

  it.each([
    ['true', true],
    ['False', false],
    ['TRUE', true],
    [' 1', true],
    ['0', false],
    ['yes', 'yes'],
    ['constructor', 'constructor'],
  ])('read the boolean %p as %p', (cell, value) => {
    expect(read({ type: 'boolean', name: 'x' }, cell)).toBe(value);
  });

  it.each([
    ['red', 'red'],
    ['Red', 'Red'],
    ['3', '3'],
    ['4', 4],
    ['4.0', 4],
    ['04', 4],
    ['5', '5'],
    [' red', ' red'],
  ])('read the category %p as %p', (cell, value) => {
    const categories = ['red', '3', 3, 4];
    expect(read({ type: 'category', name: 'x', categories, encoding: 'one-hot' }, cell)).toBe(
      value,
    );
  });

  it('need no column of a field that may be missing', () => {
    const fields: TabularField[] = [
      { name: 'a', mean: 0, std: 1 },
      { name: 'b', mean: 0, std: 1, missing: 'nan' },
    ];
    expect(tableColumns(fields)).toMatchObject([
      { name: 'a', required: true },
      { name: 'b', required: false },
    ]);
  });
});

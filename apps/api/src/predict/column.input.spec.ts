import { describe, expect, it } from '@jest/globals';
import { problemOf } from '#libs/testing';
import { areColumns, ColumnInput, inColumns } from './column.input.js';

describe('ColumnInput', () => {
  it('has a row for each place of its columns', () => {
    expect(ColumnInput.from({ a: [1, null], 'b/c': [[2], 'x'] }).rows).toEqual([
      { a: 1, 'b/c': [2] },
      { a: null, 'b/c': 'x' },
    ]);
  });

  it.each([
    [{ a: [1, 2], b: [1] }, ['/inputs/b']],
    [{ a: 1, 'b/c': [1] }, ['/inputs/a', '/inputs/b~1c']],
    [{ a: [] }, ['/inputs/a']],
    [{ a: Array(1001).fill(1) }, ['/inputs/a']],
  ])('refuses %j', (columns, pointers) => {
    const { code, errors } = problemOf(() => ColumnInput.from(columns));
    expect(code).toBe('invalid-request');
    expect(errors?.map(({ pointer }) => pointer)).toEqual(pointers);
  });

  it('takes as many instances as a job may have', () => {
    expect(ColumnInput.from({ a: Array(1000).fill(1) }).rows).toHaveLength(1000);
  });
});

describe('areColumns', () => {
  it.each([[{}], [{ a: 1 }], [{ length: 3 }], [[[1]]], ['x'], [null], [{ constructor: 1 }]])(
    'does not take %j for columns',
    (inputs) => {
      expect(areColumns(inputs)).toBe(false);
    },
  );

  it.each([[{ a: [] }], [{ a: 1, b: [1] }], [{ constructor: [1] }]])(
    'takes %j for columns',
    (inputs) => {
      expect(areColumns(inputs)).toBe(true);
    },
  );
});

describe('inColumns', () => {
  it('points into columns, and tells once what is wrong with a whole one', () => {
    const errors = [
      { pointer: '/inputs/2/a~1b', message: 'must be number' },
      { pointer: '/inputs/0/c', message: 'is missing' },
      { pointer: '/inputs/1/c', message: 'is missing' },
      { pointer: '/inputs/0/x/3', message: 'must be number' },
      { pointer: '/parameters/top_k', message: 'must be integer' },
    ];
    expect(inColumns(errors).map(({ pointer }) => pointer)).toEqual([
      '/inputs/a~1b/2',
      '/inputs/c',
      '/inputs/x/0/3',
      '/parameters/top_k',
    ]);
  });
});

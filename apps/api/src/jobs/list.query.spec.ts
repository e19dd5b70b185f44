import { describe, expect, it } from '@jest/globals';
import { JOB_STATUSES } from '#libs/contracts';
import { newJobId } from '#libs/jobs';
import { problemOf } from '#libs/testing';
import { encodeCursor } from '../http/page.js';
import { type RawQuery, readListQuery } from './list.query.js';

describe('the query of a list', () => {
  it('asks for every job, unless it says otherwise', () => {
    expect(readListQuery({})).toEqual({ statuses: JOB_STATUSES, metadata: {}, limit: 20 });
  });

  it('says which jobs are wanted', () => {
    const id = newJobId(7);
    const query = readListQuery({
      model: 'iris',
      'metadata.order': '17',
      'metadata.a.b=c': '',
      created_after: '2026-11-21T10:13:47.472+01:00',
      created_before: '1969-01-01T00:00:00Z',
      limit: '3',
      cursor: encodeCursor(id),
    });
    expect(query).toEqual({
      model: 'iris',
      statuses: JOB_STATUSES,
      metadata: { order: '17', 'a.b=c': '' },
      createdAfter: Date.UTC(2026, 10, 21, 9, 13, 47, 472),
      createdBefore: 0,
      limit: 3,
      before: id,
    });
  });

  it.each([
    ['queued', ['queued']],
    ['failed,queued,failed', ['queued', 'failed']],
    [
      ['failed', 'queued,running'],
      ['queued', 'running', 'failed'],
    ],
  ])('takes the states %j', (status, statuses) => {
    expect(readListQuery({ status }).statuses).toEqual(statuses);
  });

  const tooMany = Array.from({ length: 17 }, (_, i) => [`metadata.k${String(i)}`, '']);
  it.each<[string, RawQuery]>([
    ['stauts', { stauts: 'queued' }],
    ['metadata', { metadata: 'x' }],
    ['status', { status: 'done' }],
    ['status', { status: '' }],
    ['status', { status: ['queued', 'failed,Running'] }],
    ['model', { model: '../etc' }],
    ['model', { model: ['iris', 'digits'] }],
    ['metadata.', { 'metadata.': 'x' }],
    ['metadata.k', { 'metadata.k': ['1', '2'] }],
    ['metadata.k', { 'metadata.k': 'x'.repeat(513) }],
    ['metadata.k0', Object.fromEntries(tooMany) as RawQuery],
    ['created_after', { created_after: 'yesterday' }],
    ['created_after', { created_after: '2026-11-21' }],
    ['created_after', { created_after: '2026-11-21T10:13:47' }],
    ['created_after', { created_after: '1795252427472' }],
    ['created_before', { created_before: '2026-13-21T10:13:47Z' }],
    ['created_before', { created_before: '' }],
    ['limit', { limit: '0' }],
    ['limit', { limit: ['1', '2'] }],
    ['cursor', { cursor: 'x' }],
    ['cursor', { cursor: encodeCursor('job_01') }],
    ['cursor', { cursor: newJobId(7) }],
  ])('that is wrong in %s is refused and says so: %j', (name, query) => {
    const { code, detail } = problemOf(() => readListQuery(query));
    expect(code).toBe('invalid-request');
    expect(detail.split(/[ :]/)[0]).toBe(name);
  });
});

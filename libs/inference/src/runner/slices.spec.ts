import { describe, expect, it } from '@jest/globals';
import { failedLine, jobProblem } from '#libs/contracts';
import { InstanceError } from '#libs/kinds';
import { Slices } from './slices.js';

describe('Slices', () => {
  it('are read in order, each with its parameters', () => {
    const sut = new Slices(['\n[1,2],\n{"a":3}', '{"top_k":2}\n"x"']);
    expect(sut.instances).toEqual([[1, 2], { a: 3 }, 'x']);
    expect(sut.parameters).toEqual([{}, {}, { top_k: 2 }]);
  });

  it('take texts that have line feeds of their own, which JSON escapes', () => {
    const text = JSON.stringify('a\nb');
    expect(new Slices([`\n${text},\n${text}`]).instances).toEqual(['a\nb', 'a\nb']);
  });

  it('have instances that have failed already, with their problems', () => {
    const problem = jobProblem('input-fetch-failed', 'It answered 404.');
    const sut = new Slices(['\n1', `\n${failedLine(problem)},\n"x"`]);
    expect(sut.instances).toEqual([1, undefined, 'x']);
    expect([0, 1, 2].map((i) => sut.hasFailed(i))).toEqual([false, true, false]);
    sut.outputs[2] = '"y"';
    expect(sut.outcomes()[1]).toEqual({
      outputs: `${JSON.stringify({ error: problem })},"y"`,
      done: 1,
      error: problem,
      batchSize: 0,
    });
  });

  it('end in one outcome each, whose texts are a piece of an array', () => {
    const sut = new Slices(['\n1,\n2,\n3', '\n4']);
    sut.outputs[0] = '{"y":1}';
    sut.outputs[3] = '4';
    sut.fail(1, new InstanceError('too blue'));
    sut.fail(2, new Error('at /srv/models/m/1/model.onnx'));
    sut.batchSizes.splice(0, 4, 3, 1, 1, 3);
    const [first, second] = sut.outcomes();
    expect(first).toMatchObject({
      done: 1,
      error: { code: 'invalid-input', detail: 'too blue' },
      batchSize: 3,
    });
    expect(JSON.parse(`[${first?.outputs ?? ''}]`)).toMatchObject([
      { y: 1 },
      { error: { code: 'invalid-input' } },
      { error: { code: 'inference-failed', detail: 'at model.onnx' } },
    ]);
    expect(second).toEqual({ outputs: '4', done: 1, error: null, batchSize: 3 });
  });
});

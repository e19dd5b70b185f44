import { describe, expect, it } from '@jest/globals';
import type { PredictConsumer } from '#libs/jobs';
import type { StoredModel, StoredVersion } from '#libs/models';
import { HostedModel } from './hosted.model.js';
import type { ServedVersion } from './served.version.js';

const GRAPH = { model: 'iris', version: '1' };
const PIPELINE = { ...GRAPH, pipeline: {} };

function storedOf(description: object): StoredModel {
  return { model: 'iris', versions: [{ description, fingerprint: '' }] } as unknown as StoredModel;
}

describe('HostedModel', () => {
  it('serves a version anew that becomes a pipeline, or none any more', async () => {
    const calls: string[] = [];
    const newServer = ({ description }: StoredVersion): ServedVersion => {
      const kind = description.pipeline ? 'pipeline' : 'graph';
      const tell = (what: string) => () => {
        calls.push(`${kind} ${what}`);
        return Promise.resolve();
      };
      const server = { start: tell('starts'), update: tell('changes'), stop: tell('stops') };
      return { ...server, hasFailed: false } as unknown as ServedVersion;
    };
    const sut = new HostedModel(storedOf(GRAPH), {
      newServer,
      nextTurn: () => Promise.resolve(undefined),
      hasJobsFrom: () => Promise.resolve(false),
      openConsumer: () => ({}) as PredictConsumer,
      handle: () => Promise.resolve(),
    });
    await sut.update(storedOf(GRAPH));
    await sut.update(storedOf(PIPELINE));
    await sut.update(storedOf({ ...PIPELINE, card: {} }));
    await sut.update(storedOf(GRAPH));
    expect(calls).toEqual([
      'graph starts',
      ...['pipeline starts', 'graph stops'],
      'pipeline changes',
      ...['graph starts', 'pipeline stops'],
    ]);
  });
});

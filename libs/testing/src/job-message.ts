import type { JobMessage } from '#libs/jobs';

/** A job of one small instance, as it travels. */
export function messageOf(id: string, about: Partial<JobMessage> = {}): JobMessage {
  return {
    id,
    version: '1',
    count: 1,
    bytes: 9,
    createdAt: 1,
    turn: 1,
    resultTtlS: 1,
    requestId: 'r',
    ...about,
  };
}

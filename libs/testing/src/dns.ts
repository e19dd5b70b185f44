import dnsPacket, { type DecodedPacket } from 'dns-packet';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';

/** Addresses of the type that is asked for, none of them too; or how the name server fails; `silent`: not at all. */
export type DnsAnswer = readonly string[] | 'NXDOMAIN' | 'SERVFAIL' | 'silent';

/** A name server of a test's own. */
export interface TestDns {
  /** `address:port`, as OUTBOUND_DNS takes it. */
  address: string;
  /** What it was asked: `A example.com`. */
  questions: string[];
  stop(): Promise<void>;
}

const RCODES = { NXDOMAIN: 3, SERVFAIL: 2 } as const;

/**
 * Starts a name server (UDP) on the loopback.
 * @param answerOf is asked for each question, so that a name may change its mind in between.
 */
export async function startTestDns(
  answerOf: (name: string, type: 'A' | 'AAAA') => DnsAnswer,
): Promise<TestDns> {
  const questions: string[] = [];
  const socket = createSocket('udp4');
  socket.on('message', (message, { port, address }) => {
    const query = dnsPacket.decode(message);
    const [question] = query.questions ?? [];
    if (question?.type !== 'A' && question?.type !== 'AAAA') return;
    const { name, type } = question;
    questions.push(`${type} ${name}`);
    const answer = answerOf(name.toLowerCase(), type);
    if (answer !== 'silent') socket.send(encode(query, name, type, answer), port, address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return {
    address: `127.0.0.1:${String(socket.address().port)}`,
    questions,
    stop: async () => {
      socket.close();
      await once(socket, 'close');
    },
  };
}

function encode(
  { id }: DecodedPacket,
  name: string,
  type: 'A' | 'AAAA',
  answer: Exclude<DnsAnswer, 'silent'>,
): Buffer {
  const isFailure = typeof answer === 'string';
  const rcode = isFailure ? RCODES[answer] : 0;
  return dnsPacket.encode({
    type: 'response',
    id: id ?? 0,
    flags: dnsPacket.RECURSION_DESIRED | dnsPacket.RECURSION_AVAILABLE | rcode,
    questions: [{ name, type }],
    answers: isFailure ? [] : answer.map((data) => ({ type, name, ttl: 60, data })),
  });
}

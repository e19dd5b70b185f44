import type { DeliveryFailure, DeliveryStatus, WebhookEvent } from '#libs/contracts';

const ID = /^msg_([0-9a-z]{26})_([1-9][0-9]{0,5})$/;

/** An event of a job that its webhook is to be told of. */
export interface Delivery {
  jobId: string;
  /** Place among the events of its job, from 1. */
  sequence: number;
}

/** What happened, as the script that made it happen has written it. */
export interface DeliveryEvent {
  event: WebhookEvent;
  /** When, ms since the epoch. */
  at: number;
  /** Attempts of the job that had ended before. */
  tries: number;
  /** Instances done by then. */
  done: number;
}

/** What has come of a delivery so far. */
export interface DeliveryState {
  status: DeliveryStatus;
  failure?: DeliveryFailure | undefined;
  /** All attempts ever made. */
  attempts: number;
  /** Those of them since it was last asked for. */
  tried: number;
  /** When it is tried again, ms since the epoch. */
  nextAt?: number | undefined;
  /** How often it was asked for again; then it is sent whatever is known of its receiver. */
  asked?: number | undefined;
}

/** Of a delivery that was never tried. */
export const UNTRIED: DeliveryState = { status: 'pending', attempts: 0, tried: 0 };

/** The `webhook-id`: the same on every attempt. */
export function deliveryId({ jobId, sequence }: Delivery): string {
  return `msg_${jobId.slice('job_'.length)}_${String(sequence)}`;
}

/** @returns null for what `deliveryId` never made. */
export function parseDeliveryId(id: string): Delivery | null {
  const [, job, sequence] = ID.exec(id) ?? [];
  return job === undefined ? null : { jobId: `job_${job}`, sequence: Number(sequence) };
}

/** Deliveries of one caller to one host and port wait for each other, and for nobody else. */
export function laneOf(owner: string, url: string): string {
  const { hostname, port, protocol } = new URL(url);
  return `${owner}@${hostname}:${port || (protocol === 'https:' ? '443' : '80')}`;
}

/** A delivery as the outbox and the schedule name it: its lane, its job and its place, as `moves.lua` writes them. */
export function parseMember(member: string): Delivery & { lane: string } {
  const [lane = '', jobId = '', sequence = ''] = member.split(' ');
  return { lane, jobId, sequence: Number(sequence) };
}

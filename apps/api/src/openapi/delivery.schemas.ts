import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import {
  ATTEMPT_OUTCOMES,
  type AttemptOutcome,
  DELIVERY_FAILURES,
  DELIVERY_STATUSES,
  type DeliveryAttempt,
  type DeliveryFailure,
  type DeliveryStatus,
  type DeliveryView,
  type ReceiverView,
  WEBHOOK_EVENTS,
  type WebhookEvent,
} from '#libs/contracts';
import { COUNT, TEXT_OR_NULL, TIME, TIME_OR_NULL } from './fields.js';

const ORDINAL = { ...COUNT, minimum: 1 } as const;
const STATUS_OR_NULL = { ...COUNT, nullable: true, description: 'HTTP status' } as const;
const NEXT_CURSOR = {
  ...TEXT_OR_NULL,
  description: 'For the next page; null on the last',
} as const;

@ApiSchema({ name: 'DeliveryAttempt' })
class DeliveryAttemptSchema implements DeliveryAttempt {
  @ApiProperty({ ...ORDINAL, description: 'A redelivery counts on' }) attempt!: number;
  @ApiProperty(TIME) at!: string;
  @ApiProperty({ enum: ATTEMPT_OUTCOMES }) outcome!: AttemptOutcome;
  @ApiProperty(STATUS_OR_NULL) status!: number | null;
  @ApiProperty(COUNT) latency_ms!: number;
  @ApiProperty({ ...TEXT_OR_NULL, description: 'First 1024 bytes of the answer' })
  response!: string | null;
  @ApiProperty({ ...TEXT_OR_NULL, description: 'What kept the receiver from answering' })
  error!: string | null;
}

@ApiSchema({ name: 'Delivery' })
class DeliverySchema implements DeliveryView {
  @ApiProperty({ example: 'msg_01kaj3qv1mfyk9yd0tr9b5h2ez_1', description: 'The `webhook-id`' })
  id!: string;
  @ApiProperty({ enum: ['delivery'] }) object!: 'delivery';
  @ApiProperty() job_id!: string;
  @ApiProperty({ enum: WEBHOOK_EVENTS }) event!: WebhookEvent;
  @ApiProperty({ ...ORDINAL, description: 'Place among the events of its job' }) sequence!: number;
  @ApiProperty({ enum: DELIVERY_STATUSES }) status!: DeliveryStatus;
  @ApiProperty({
    type: 'string',
    enum: [...DELIVERY_FAILURES, null],
    nullable: true,
    description: 'Why it has failed for good; null unless it has',
  })
  failure!: DeliveryFailure | null;
  @ApiProperty({ ...TIME, description: 'When the event happened' }) created_at!: string;
  @ApiProperty({ ...TIME_OR_NULL, description: 'Null unless it waits for another attempt' })
  next_attempt_at!: string | null;
  @ApiProperty(COUNT) attempts!: number;
  @ApiProperty({ type: [DeliveryAttemptSchema], description: 'The latest 50, oldest first' })
  attempt_log!: DeliveryAttemptSchema[];
}

@ApiSchema({ name: 'DeliveryPage' })
export class DeliveryPageSchema {
  @ApiProperty({ type: [DeliverySchema] }) data!: DeliverySchema[];
  @ApiProperty(NEXT_CURSOR) next_cursor!: string | null;
}

@ApiSchema({ name: 'Receiver' })
export class ReceiverSchema implements ReceiverView {
  @ApiProperty({ example: 'rcv_5a1fe2b7c3d94e08a6b1c2d3e4' }) id!: string;
  @ApiProperty({ enum: ['receiver'] }) object!: 'receiver';
  @ApiProperty({ format: 'uri' }) url!: string;
  @ApiProperty({ ...TIME, description: 'Since when nothing was delivered to it' })
  failing_since!: string;
  @ApiProperty(TIME) last_failure_at!: string;
  @ApiProperty({ enum: ATTEMPT_OUTCOMES }) last_outcome!: AttemptOutcome;
  @ApiProperty(STATUS_OR_NULL) last_status!: number | null;
  @ApiProperty({ ...TIME_OR_NULL, description: 'Since when nothing is sent to it any more' })
  disabled_at!: string | null;
  @ApiProperty({
    type: 'string',
    enum: ['gone', 'failing', null],
    nullable: true,
    description: '`gone`: it answered 410; `failing`: nothing was delivered for days',
  })
  disabled_because!: ReceiverView['disabled_because'];
}

@ApiSchema({ name: 'ReceiverPage' })
export class ReceiverPageSchema {
  @ApiProperty({ type: [ReceiverSchema] }) data!: ReceiverSchema[];
  @ApiProperty(NEXT_CURSOR) next_cursor!: string | null;
}

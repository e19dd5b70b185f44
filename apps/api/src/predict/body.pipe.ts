import { isRecord, type PointedError } from '#libs/contracts';
import { DtoPipe, fieldsOf, fill } from '../http/dto.pipe.js';
import { WebhookDto } from '../webhooks/webhook.dto.js';
import { areColumns, ColumnInput } from './column.input.js';
import type { PredictDto } from './predict.dto.js';

/** Makes the body of a submission into its DTO. */
export class BodyPipe<T extends PredictDto> extends DtoPipe<T> {
  protected override fillNested(dto: T, errors: PointedError[]): void {
    const { webhook, inputs } = dto as { webhook?: unknown; inputs?: unknown };
    if (areColumns(inputs)) dto.inputs = ColumnInput.from(inputs);
    if (!isRecord(webhook)) return;
    dto.webhook = fill(new WebhookDto(), WEBHOOK_FIELDS, webhook, '/webhook', errors);
  }

  protected override further(dto: T): PointedError[] {
    return exactlyOneInput(dto);
  }
}

const WEBHOOK_FIELDS = fieldsOf(WebhookDto);

function exactlyOneInput({ input, inputs }: PredictDto): PointedError[] {
  if ((input === undefined) !== (inputs === undefined)) return [];
  const message =
    input === undefined ? 'must have input or inputs' : 'must have input or inputs, not both';
  return [{ pointer: '', message }];
}

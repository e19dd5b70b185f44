import { Injectable } from '@nestjs/common';
import { MAX_POINTED_ERRORS, type PointedError, ProblemError } from '#libs/contracts';
import type { FileUrl } from '#libs/models';
import { OutboundForbidden, OutboundGuard } from '#libs/webhooks';
import type { CatalogVersion } from '../models/catalog.model.js';
import { type CheckedInput, checkInput } from './checked.input.js';
import { checkedInColumns, ColumnInput } from './column.input.js';
import { CsvInput } from './csv.input.js';
import { checkCsv } from './csv.rows.js';
import { inputOf } from './input.text.js';
import { LargeBodies } from './large.bodies.js';
import { LargeInput } from './large.input.js';
import type { PredictDto } from './predict.dto.js';

/** Longest URL of a file. */
const MAX_URL_LENGTH = 4096;

/** Checks what submissions have for input against their version: large ones in a thread. */
@Injectable()
export class InputChecks {
  constructor(
    private readonly large: LargeBodies,
    private readonly guard: OutboundGuard,
  ) {}

  /**
   * At once where the input is small.
   * @throws ProblemError as `InputValidator.validate` and `checkCsv` do; `url-forbidden` for a file that may not be fetched.
   */
  check(served: CatalogVersion, body: PredictDto): CheckedInput | Promise<CheckedInput> {
    const checked = this.checkAgainst(served, body);
    if (checked instanceof Promise) return checked.then((late) => this.withUrls(late));
    return this.withUrls(checked);
  }

  private checkAgainst(
    served: CatalogVersion,
    body: PredictDto,
  ): CheckedInput | Promise<CheckedInput> {
    const { report } = served;
    const { parameters } = body;
    const many = body.inputs !== undefined;
    const input = inputOf(body);
    if (input instanceof LargeInput) return this.large.check(report, input, many, parameters);
    if (input instanceof CsvInput) {
      return this.large.isLargeCsv(input)
        ? this.large.checkCsv(report, input, parameters)
        : checkCsv(report, served.validator(), input.bytes, parameters);
    }
    if (input instanceof ColumnInput) {
      return checkedInColumns(() =>
        checkInput(report, served.validator(), input.rows, true, parameters),
      );
    }
    return checkInput(report, served.validator(), input, many, parameters);
  }

  /** Only what can be told without a look-up: connecting will judge. */
  private withUrls(checked: CheckedInput): CheckedInput {
    const errors = checked.urls?.flatMap((url) => this.complaintOf(url)) ?? [];
    if (errors.length === 0) return checked;
    throw new ProblemError('url-forbidden', 'Name files that may be fetched; see errors.', {
      errors: errors.slice(0, MAX_POINTED_ERRORS),
    });
  }

  private complaintOf({ pointer, url }: FileUrl): PointedError[] {
    if (url.length > MAX_URL_LENGTH) {
      const message = `must be a URL of at most ${String(MAX_URL_LENGTH)} characters`;
      return [{ pointer, message }];
    }
    try {
      this.guard.checkUrl(url);
      return [];
    } catch (error) {
      if (!(error instanceof OutboundForbidden)) throw error;
      return [{ pointer, message: error.message }];
    }
  }
}

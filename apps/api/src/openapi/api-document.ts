import { Inject, Injectable, type INestApplication } from '@nestjs/common';
import type { OpenAPIObject } from '@nestjs/swagger';
import { CONFIG, type Config } from '#libs/config';
import { createDocument } from './document.js';

/** The OpenAPI document of the running api, made when it is first asked for. */
@Injectable()
export class ApiDocument {
  private app: INestApplication | undefined;
  private document: OpenAPIObject | undefined;

  constructor(@Inject(CONFIG) private readonly config: Config) {}

  /** Of which application: Nest cannot inject that. */
  describe(app: INestApplication): void {
    this.app = app;
  }

  /** The same object every time: not to be changed. */
  get(): OpenAPIObject {
    if (!this.app) throw new TypeError('no application is described');
    this.document ??= createDocument(this.app, this.config);
    return this.document;
  }
}

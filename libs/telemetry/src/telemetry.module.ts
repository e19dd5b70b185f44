import { type DynamicModule, Module } from '@nestjs/common';
import { Registry } from 'prom-client';
import { createRegistry } from './metrics.js';
import { MetricsController } from './metrics.controller.js';

/** The metrics of this process, and `/metrics`. */
@Module({})
export class TelemetryModule {
  static forRoot(app: string): DynamicModule {
    return {
      module: TelemetryModule,
      global: true,
      controllers: [MetricsController],
      providers: [{ provide: Registry, useFactory: () => createRegistry(app) }],
      exports: [Registry],
    };
  }
}

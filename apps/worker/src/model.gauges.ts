import { Gauge, type Registry } from 'prom-client';
import { type VersionReport, VERSION_STATES } from '#libs/contracts';

/** What a worker tells of a model that it serves. */
export interface GaugedModel {
  readonly name: string;
  /** Taken and not over. */
  readonly jobsInHand: number;
  readonly servers: readonly { readonly report: VersionReport }[];
}

/** Adds what is so at the moment, of every version. @param models asked whenever the metrics are. */
export function addModelGauges(registry: Registry, models: () => readonly GaugedModel[]): void {
  const registers = [registry];
  const reports = () => models().flatMap(({ servers }) => servers.map(({ report }) => report));
  new Gauge({
    name: 'foretell_model_state',
    help: '1 for the state that a version is in here, 0 for the others',
    labelNames: ['model', 'version', 'state'],
    registers,
    collect() {
      this.reset();
      for (const { model, version, state: current } of reports()) {
        for (const state of VERSION_STATES) {
          this.set({ model, version, state }, state === current ? 1 : 0);
        }
      }
    },
  });
  new Gauge({
    name: 'foretell_model_memory_bytes',
    help: 'Resident memory of the runners of a version',
    labelNames: ['model', 'version'],
    registers,
    collect() {
      this.reset();
      for (const { model, version, memory_bytes } of reports()) {
        this.set({ model, version }, memory_bytes);
      }
    },
  });
  new Gauge({
    name: 'foretell_model_instances',
    help: 'Runners of a version that are up',
    labelNames: ['model', 'version'],
    registers,
    collect() {
      this.reset();
      for (const { model, version, warm_instances } of reports()) {
        this.set({ model, version }, warm_instances);
      }
    },
  });
  new Gauge({
    name: 'foretell_jobs_in_hand',
    help: 'Jobs that this worker has taken and not ended',
    labelNames: ['model'],
    registers,
    collect() {
      this.reset();
      for (const { name, jobsInHand } of models()) this.set({ model: name }, jobsInHand);
    },
  });
}

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Panel {
  id: number;
  type: string;
  title: string;
  gridPos: { x: number; y: number; w: number; h: number };
  datasource?: { uid: string };
  targets?: { expr: string; datasource: { uid: string } }[];
}

/** A dashboard of Grafana, as far as it matters here. */
export interface Dashboard {
  uid: string;
  title: string;
  templating: { list: { name: string; query: { query: string } }[] };
  panels: Panel[];
}

export function readDashboards(dir: string): Dashboard[] {
  return readdirSync(dir).map(
    (name) => JSON.parse(readFileSync(join(dir, name), 'utf8')) as Dashboard,
  );
}

/** Every query of a dashboard, by the panel that it stands in. */
export function queriesOf({ title, panels }: Dashboard): { panel: string; expr: string }[] {
  return panels.flatMap((panel) =>
    (panel.targets ?? []).map(({ expr }) => ({ panel: `${title} / ${panel.title}`, expr })),
  );
}

/** A query as Grafana sends it. @param values of the variables, as regular expressions. */
export function filledIn(expr: string, values: Record<string, string>): string {
  const filled = Object.entries({ __rate_interval: '2m', ...values }).reduce(
    (text, [name, value]) => text.replaceAll(`$${name}`, value),
    expr,
  );
  if (filled.includes('$')) throw new Error(`a variable is not known: ${filled}`);
  return filled;
}

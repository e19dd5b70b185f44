import { PbfWriter } from 'pbf';

/** How a model differs from a sound one. */
export interface Oddity {
  irVersion?: number;
  opset?: number;
  op?: string;
  /** `w` is computed from `y`, and `y` from `w`. */
  cyclic?: boolean;
  /** Elements of an instance; 2 otherwise. */
  columns?: number;
  /** Where `w` lies outside of the model. */
  location?: string;
  /** Of what lies there. */
  lengthBytes?: number;
  /** How often `w` is applied, one time after the other; once otherwise. Takes about a microsecond each. */
  steps?: number;
  /** Elements that `w` declares to have; 2 otherwise. */
  dims?: number;
}

/** A model.onnx: `y[batch, 2] = x[batch, 2] + w[2]`, where `w` is `[10, 20]`. */
export function onnxModel(oddity: Oddity = {}): Uint8Array {
  const pbf = new PbfWriter();
  pbf.writeVarintField(1, oddity.irVersion ?? 10);
  pbf.writeMessage(7, writeGraph, oddity);
  pbf.writeMessage(8, writeOpset, oddity.opset ?? 21);
  return pbf.finish();
}

/** What `w` holds. */
export function weights(): Uint8Array {
  return new Uint8Array(Float32Array.of(10, 20).buffer);
}

function writeOpset(version: number, pbf: PbfWriter): void {
  pbf.writeStringField(1, '');
  pbf.writeVarintField(2, version);
}

function writeGraph(oddity: Oddity, pbf: PbfWriter): void {
  const { op = 'Add', cyclic = false, columns = 2, steps = 1 } = oddity;
  for (let step = 1; step <= steps; step++) {
    const input = step === 1 ? 'x' : `y${step - 1}`;
    const output = step === steps ? 'y' : `y${step}`;
    pbf.writeMessage(1, writeNode, { op, inputs: [input, 'w'], output });
  }
  if (cyclic) pbf.writeMessage(1, writeNode, { op, inputs: ['x', 'y'], output: 'w' });
  else pbf.writeMessage(5, writeTensor, oddity);
  pbf.writeStringField(2, 'graph');
  pbf.writeMessage(11, writeValueInfo, { name: 'x', columns });
  pbf.writeMessage(12, writeValueInfo, { name: 'y', columns });
}

function writeNode(node: { op: string; inputs: string[]; output: string }, pbf: PbfWriter): void {
  for (const input of node.inputs) pbf.writeStringField(1, input);
  pbf.writeStringField(2, node.output);
  pbf.writeStringField(4, node.op);
}

function writeTensor({ location, lengthBytes, dims = 2 }: Oddity, pbf: PbfWriter): void {
  pbf.writeVarintField(1, dims);
  pbf.writeVarintField(2, 1);
  pbf.writeStringField(8, 'w');
  if (location === undefined) {
    pbf.writeBytesField(9, weights().subarray(0, 4 * dims));
    return;
  }
  pbf.writeMessage(13, writeEntry, ['location', location]);
  if (lengthBytes !== undefined) pbf.writeMessage(13, writeEntry, ['length', String(lengthBytes)]);
  pbf.writeVarintField(14, 1);
}

function writeEntry([key, value]: [string, string], pbf: PbfWriter): void {
  pbf.writeStringField(1, key);
  pbf.writeStringField(2, value);
}

/** float32 `[batch, columns]` */
function writeValueInfo(value: { name: string; columns: number }, pbf: PbfWriter): void {
  pbf.writeStringField(1, value.name);
  pbf.writeMessage(2, writeType, value.columns);
}

function writeType(columns: number, pbf: PbfWriter): void {
  pbf.writeMessage(1, writeTensorType, columns);
}

function writeTensorType(columns: number, pbf: PbfWriter): void {
  pbf.writeVarintField(1, 1);
  pbf.writeMessage(2, writeShape, columns);
}

function writeShape(columns: number, pbf: PbfWriter): void {
  pbf.writeMessage(1, (name, dim) => dim.writeStringField(2, name), 'batch');
  pbf.writeMessage(1, (size, dim) => dim.writeVarintField(1, size), columns);
}

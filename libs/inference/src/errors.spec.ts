import { describe, expect, it } from '@jest/globals';
import { plainReason } from './errors.js';

describe('plainReason', () => {
  it.each([
    ['Load model from /srv/models/iris/1/model.onnx failed', 'Load model from model.onnx failed'],
    ["ENOENT: open '/srv/a-b/c.d/model.onnx'", "ENOENT: open 'model.onnx'"],
    ['C:\\models\\iris\\model.onnx: bad', 'model.onnx: bad'],
    ['in /a/b.cc:12 and\n  /c/d.cc:3', 'in b.cc:12 and d.cc:3'],
    ['open /home/jürgen/models/x.onnx', 'open x.onnx'],
    ['nothing to hide', 'nothing to hide'],
  ])('of %p shows no path', (text, plain) => {
    expect(plainReason(new Error(text))).toBe(plain);
  });

  it('is never long', () => {
    expect(plainReason('x'.repeat(10_000))).toHaveLength(500);
  });
});

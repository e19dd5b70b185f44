/** What models/iris/model.yaml says of version 2, by hand: the floor reads no manifest. */
export const MODEL_FILE = 'models/iris/2/model.onnx';
export const FIELDS = 4;
export const LABELS = /** @type {const} */ (['setosa', 'versicolor', 'virginica']);
export const MEAN = [5.866071, 3.039286, 3.770536, 1.209821];
export const STD = [0.85665, 0.451853, 1.785839, 0.760634];

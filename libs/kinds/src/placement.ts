/** In pixels, from the upper left corner. */
export interface Rectangle {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** Where a picture went in what the graph gets. */
export interface Placement {
  /** What was taken of the upright original. */
  region: Rectangle;
  /** Where that lies in the graph's picture; what reaches beyond is cut off. */
  target: Rectangle;
}

/**
 * How large a job is drawn, in pixels of the graph: wide enough for a name of 24 characters beside
 * the state's icon.
 */
export const NODE_SIZE = { width: 236, height: 52 };

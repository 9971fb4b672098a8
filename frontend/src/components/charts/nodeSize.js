/** How large a job is drawn, in pixels of the graph. */
export const NODE_SIZE = { width: 192, height: 52 };

import { graphlib, layout } from '@dagrejs/dagre';
import { NODE_SIZE } from './nodeSize.js';

const GAP = { rank: 36, node: 20 };
const EXACT_LIMIT = 500;

/**
 * Places a graph's nodes from left to right. Takes ids and edges, gives each node's top left
 * corner by id. Pure, and slow for large graphs: it runs in a worker.
 */
export function layoutGraph({ ids, edges }) {
  const graph = new graphlib.Graph();
  graph.setGraph({
    rankdir: 'LR',
    ranksep: GAP.rank,
    nodesep: GAP.node,
    ranker: ids.length > EXACT_LIMIT ? 'tight-tree' : 'network-simplex',
  });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const id of ids) graph.setNode(id, { ...NODE_SIZE });
  for (const { source, target } of edges) graph.setEdge(source, target);
  layout(graph);
  const positions = {};
  for (const id of ids) {
    const { x, y } = graph.node(id);
    positions[id] = { x: x - NODE_SIZE.width / 2, y: y - NODE_SIZE.height / 2 };
  }
  return positions;
}

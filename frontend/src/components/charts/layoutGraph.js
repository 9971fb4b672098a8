import { graphlib, layout } from '@dagrejs/dagre';
import { breadthOf } from '../../lib/graph.js';
import { NODE_SIZE } from './nodeSize.js';

const GAP = { rank: 28, node: 20 };
/**
 * Edges that fan out over many jobs need room to be told apart: so many pixels more between columns
 * for each job of the fullest one above the first few.
 */
const FAN = { from: 8, each: 3, most: 120 };
const EXACT_LIMIT = 500;

/**
 * Places a graph's nodes from left to right. Takes ids and edges, gives each node's top left
 * corner by id. Pure, and slow for large graphs: it runs in a worker.
 */
export function layoutGraph({ ids, edges }) {
  const graph = new graphlib.Graph();
  graph.setGraph({
    rankdir: 'LR',
    ranksep: rankGap(ids, edges),
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

function rankGap(ids, edges) {
  const needs = new Map(ids.map((id) => [id, []]));
  for (const { source, target } of edges) needs.get(target).push(source);
  const breadth = breadthOf(ids.map((id) => ({ id, needs: needs.get(id) })));
  return GAP.rank + Math.min(FAN.most, Math.max(0, breadth - FAN.from) * FAN.each);
}

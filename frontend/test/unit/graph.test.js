// @vitest-environment node
import { describe, expect, it } from 'vitest';
import { layoutGraph } from '../../src/components/charts/layoutGraph.js';
import {
  dependantsOf,
  depthOf,
  drawDecision,
  edgesOf,
  neighbourOf,
  structureKey,
  topologicalOrder,
} from '../../src/lib/graph.js';
import { manyJobs } from '../fixtures/data.js';

const job = (id, ...needs) => ({ id, needs });
const diamond = [job('d', 'b', 'c'), job('b', 'a'), job('c', 'a'), job('a')];
const line = (length) =>
  Array.from({ length }, (_, index) => job(`j${index}`, ...(index ? [`j${index - 1}`] : [])));

describe('order and edges', () => {
  it('puts every job after what it needs', () => {
    expect(topologicalOrder(diamond).map(({ id }) => id)).toEqual(['a', 'b', 'c', 'd']);
  });

  it('keeps jobs of a cycle, at the end', () => {
    const order = topologicalOrder([job('x', 'y'), job('y', 'x'), job('a')]);
    expect(order.map(({ id }) => id)).toEqual(['a', 'x', 'y']);
  });

  it('orders level by level, as the file has them within one', () => {
    const jobs = [job('z', 'a'), job('b'), job('y', 'b'), job('a'), job('x', 'y', 'a')];
    expect(topologicalOrder(jobs).map(({ id }) => id)).toEqual(['b', 'a', 'z', 'y', 'x']);
    expect(topologicalOrder([job('b', 'a', 'a'), job('a'), job('c', 'c')])).toHaveLength(3);
  });

  it('looks at each need a fixed number of times, however long the chain', () => {
    let looks = 0;
    const counted = line(2000)
      .toReversed()
      .map(({ id, needs }) => ({
        id,
        get needs() {
          looks += 1;
          return needs;
        },
      }));
    expect(topologicalOrder(counted).at(-1).id).toBe('j1999');
    expect(looks).toBeLessThanOrEqual(3 * counted.length);
  });

  it('draws no edge to a job that is not there', () => {
    expect(edgesOf([job('a', 'ghost'), job('b', 'a')])).toEqual([
      { id: 'a→b', source: 'a', target: 'b' },
    ]);
    expect(topologicalOrder([job('a', 'ghost')])).toHaveLength(1);
  });

  it('finds the jobs that need one', () => {
    expect(dependantsOf(diamond, 'a').map(({ id }) => id)).toEqual(['b', 'c']);
  });

  it('has a key that knows structure and not state', () => {
    const running = diamond.map((entry) => ({ ...entry, status: 'running' }));
    expect(structureKey(running)).toBe(structureKey(diamond));
    expect(structureKey(diamond.slice(1))).not.toBe(structureKey(diamond));
  });
});

describe('limits', () => {
  it('measures the longest chain', () => {
    expect(depthOf(diamond)).toBe(3);
    expect(depthOf(line(50))).toBe(50);
  });

  it('draws, asks first, or refuses', () => {
    expect(drawDecision(manyJobs(200))).toBe('draw');
    expect(drawDecision(manyJobs(501))).toBe('ask');
    expect(drawDecision(manyJobs(2001))).toBe('refuse');
    expect(drawDecision(line(301))).toBe('refuse');
  });
});

describe('layout', () => {
  const positions = layoutGraph({
    ids: diamond.map(({ id }) => id),
    edges: edgesOf(diamond),
  });

  it('goes from left to right and lays nothing on top of another', () => {
    expect(positions.a.x).toBeLessThan(positions.b.x);
    expect(positions.b.x).toBeLessThan(positions.d.x);
    expect(positions.b.x).toBe(positions.c.x);
    expect(Math.abs(positions.b.y - positions.c.y)).toBeGreaterThanOrEqual(52);
  });

  it('lets arrow keys walk along the edges and within a column', () => {
    const upper = positions.b.y < positions.c.y ? 'b' : 'c';
    const lower = upper === 'b' ? 'c' : 'b';
    expect(neighbourOf(diamond, positions, upper, 'ArrowDown')).toBe(lower);
    expect(neighbourOf(diamond, positions, lower, 'ArrowUp')).toBe(upper);
    expect(neighbourOf(diamond, positions, lower, 'ArrowDown')).toBeNull();
    expect(neighbourOf(diamond, positions, 'b', 'ArrowRight')).toBe('d');
    expect(neighbourOf(diamond, positions, 'b', 'ArrowLeft')).toBe('a');
    expect(neighbourOf(diamond, positions, 'a', 'ArrowLeft')).toBeNull();
  });
});

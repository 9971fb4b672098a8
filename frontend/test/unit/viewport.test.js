import { describe, expect, it } from 'vitest';
import { layoutGraph } from '../../src/components/charts/layoutGraph.js';
import { NODE_SIZE } from '../../src/components/charts/nodeSize.js';
import {
  boundsOf,
  frameHeight,
  isWhole,
  openingView,
  openingZoom,
  wholeView,
  withInSight,
  withoutEmptyRoom,
} from '../../src/components/charts/viewport.js';
import { edgesOf } from '../../src/lib/graph.js';
import { manyJobs } from '../fixtures/data.js';

const job = (id, ...needs) => ({ id, needs });
const chain = (length) =>
  Array.from({ length }, (_, at) => job(`j${at}`, ...(at ? [`j${at - 1}`] : [])));
const fan = [
  job('first'),
  ...Array.from({ length: 58 }, (_, at) => job(`m${at}`, 'first')),
  job('last', ...Array.from({ length: 58 }, (_, at) => `m${at}`)),
];

function laidOut(jobs, width = 1182) {
  const positions = layoutGraph({ ids: jobs.map(({ id }) => id), edges: edgesOf(jobs) });
  const bounds = boundsOf(positions);
  return { positions, bounds, frame: { width, height: frameHeight(width, bounds) } };
}

function part(offset, room, size) {
  return (Math.min(room, offset + size) - Math.max(0, offset)) / room;
}

/** How much of the frame's width lies between the graph's outer edges, from 0 to 1. */
function filledWidth(view, frame, bounds) {
  return part(view.x, frame.width, bounds.width * view.zoom);
}

function isInSight(view, frame, corner) {
  const left = view.x + corner.x * view.zoom;
  const top = view.y + corner.y * view.zoom;
  return (
    left >= 0 &&
    top >= 0 &&
    left + NODE_SIZE.width * view.zoom <= frame.width &&
    top + NODE_SIZE.height * view.zoom <= frame.height
  );
}

describe('a graph in its frame', () => {
  it('opens whole where its names can be read', () => {
    const { positions, bounds, frame } = laidOut(chain(5));
    expect(openingZoom(frame, bounds)).toBeGreaterThan(0.85);
    const view = openingView(frame, bounds, positions.j4);
    expect(Object.values(positions).every((corner) => isInSight(view, frame, corner))).toBe(true);
  });

  it.each([
    ['a chain of seven', chain(7)],
    [
      'one job, nine, one job',
      [
        job('a'),
        ...Array.from({ length: 9 }, (_, at) => job(`b${at}`, 'a')),
        job('c', ...Array.from({ length: 9 }, (_, at) => `b${at}`)),
      ],
    ],
  ])('opens on the whole of %s', (_what, jobs) => {
    const { positions, bounds, frame } = laidOut(jobs);
    const view = openingView(frame, bounds, positions[jobs.at(-1).id]);
    expect(view.zoom).toBeGreaterThanOrEqual(0.6);
    expect(isWhole(view, frame, bounds)).toBe(true);
    expect(Object.values(positions).every((corner) => isInSight(view, frame, corner))).toBe(true);
  });

  it('knows when a part of it is out of sight', () => {
    const { bounds, frame } = laidOut(chain(5));
    const view = wholeView(frame, bounds);
    expect(isWhole(view, frame, bounds)).toBe(true);
    expect(isWhole({ ...view, x: -10 }, frame, bounds)).toBe(false);
    expect(isWhole({ ...view, y: frame.height }, frame, bounds)).toBe(false);
    expect(isWhole({ ...view, zoom: 2 }, frame, bounds)).toBe(false);
  });

  it.each([
    ['a chain of 60', chain(60), 'j0', 0.9],
    ['60 jobs, eight in a column', manyJobs(60), 'job_0', 0.9],
    ['one job, 58, one job', fan, 'm30', 0.8],
  ])('opens on a part of %s that fills the frame', (_what, jobs, first, least) => {
    const { positions, bounds, frame } = laidOut(jobs);
    const view = openingView(frame, bounds, positions[first]);
    expect(view.zoom).toBeGreaterThanOrEqual(0.85);
    expect(filledWidth(view, frame, bounds)).toBeGreaterThan(least);
    expect(isInSight(view, frame, positions[first])).toBe(true);
  });

  it('is no higher than its jobs need', () => {
    expect(laidOut(chain(60)).frame.height).toBe(140);
    expect(laidOut(manyJobs(60)).frame.height).toBe(520);
  });

  it('shows all of itself on request, however small', () => {
    const { positions, bounds, frame } = laidOut(manyJobs(200));
    const view = wholeView(frame, bounds);
    expect(view.zoom).toBeLessThan(0.5);
    expect(Object.values(positions).every((corner) => isInSight(view, frame, corner))).toBe(true);
  });

  it('keeps scale and place while the job is in sight, and moves as little as it can', () => {
    const { positions, frame } = laidOut(chain(5));
    const view = { x: 0, y: 44, zoom: 0.9 };
    expect(withInSight(view, frame, positions.j1)).toEqual(view);
    const beside = { ...frame, width: 700 };
    const moved = withInSight(view, beside, positions.j4);
    expect(moved).toMatchObject({ y: 44, zoom: 0.9 });
    expect(isInSight(moved, beside, positions.j4)).toBe(true);
    expect(isInSight({ ...moved, x: moved.x + 13 }, beside, positions.j4)).toBe(false);
  });

  it('leaves no empty room beside a graph that could fill it', () => {
    const { bounds, frame } = laidOut(chain(60));
    const far = withoutEmptyRoom({ x: 900, y: -500, zoom: 1 }, frame, bounds);
    expect(far).toEqual({ x: 16, y: 44, zoom: 1 });
    expect(filledWidth(withoutEmptyRoom({ ...far, x: -1e6 }, frame, bounds), frame, bounds)).toBe(
      (frame.width - 16) / frame.width,
    );
  });
});

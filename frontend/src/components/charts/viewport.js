import { NODE_SIZE } from './nodeSize.js';

/**
 * Where a graph stands in its frame. Everything here is plain reckoning: a `view` is xyflow's
 * `{x, y, zoom}`, `frame` and `bounds` are `{width, height}` in pixels of the page and of the graph,
 * a `corner` is a job's top left `{x, y}` in the graph.
 */
const MARGIN = { width: 16, height: 44 };
const FRAME_HEIGHT = { least: 140, most: 520 };
/** Below this zoom names are too small to read: the graph opens on a part of itself instead. */
const READABLE_ZOOM = 0.6;
const PART_ZOOM = { least: 0.85, most: 1 };

const clamp = (value, least, most) => Math.min(most, Math.max(least, value));

/** The room that the jobs take, from the corner of the first to the far corner of the last. */
export function boundsOf(positions) {
  const bounds = { width: 1, height: 1 };
  for (const { x, y } of Object.values(positions)) {
    bounds.width = Math.max(bounds.width, x + NODE_SIZE.width);
    bounds.height = Math.max(bounds.height, y + NODE_SIZE.height);
  }
  return bounds;
}

/** How far one may zoom in before the graph is wider, and before it is higher, than its frame. */
function fits(frame, bounds) {
  return {
    width: (frame.width - 2 * MARGIN.width) / bounds.width,
    height: (frame.height - 2 * MARGIN.height) / bounds.height,
  };
}

/**
 * The zoom a graph opens with: all of it where that can be read, else as much as fills the frame in
 * the direction in which there is room.
 */
export function openingZoom(frame, bounds) {
  const { width, height } = fits(frame, bounds);
  const whole = Math.min(1, width, height);
  if (whole >= READABLE_ZOOM) return whole;
  return clamp(Math.max(width, height), PART_ZOOM.least, PART_ZOOM.most);
}

/** How high the frame of a graph is made that is given `width` pixels of the page. */
export function frameHeight(width, bounds) {
  const zoom = openingZoom({ width, height: FRAME_HEIGHT.most }, bounds);
  const wanted = Math.ceil(bounds.height * zoom) + 2 * MARGIN.height;
  return clamp(wanted, FRAME_HEIGHT.least, FRAME_HEIGHT.most);
}

/** The view of a graph that opens: on the given job, as far as that leaves no empty room. */
export function openingView(frame, bounds, corner) {
  const zoom = openingZoom(frame, bounds);
  const centre = {
    x: frame.width / 2 - (corner.x + NODE_SIZE.width / 2) * zoom,
    y: frame.height / 2 - (corner.y + NODE_SIZE.height / 2) * zoom,
    zoom,
  };
  return withoutEmptyRoom(centre, frame, bounds);
}

/** The view that shows the whole graph, however small it becomes. */
export function wholeView(frame, bounds) {
  const { width, height } = fits(frame, bounds);
  return withoutEmptyRoom({ x: 0, y: 0, zoom: Math.min(1, width, height) }, frame, bounds);
}

/** Whether nothing of the graph is outside the frame; half a pixel is nothing. */
export function isWhole({ x, y, zoom }, frame, bounds) {
  const inside = (offset, size, room) => offset >= -0.5 && offset + size * zoom <= room + 0.5;
  return inside(x, bounds.width, frame.width) && inside(y, bounds.height, frame.height);
}

/** The nearest view of the same zoom in which the graph fills the frame, or stands in its middle. */
export function withoutEmptyRoom({ x, y, zoom }, frame, bounds) {
  return {
    x: settle(x, frame.width, bounds.width * zoom, MARGIN.width),
    y: settle(y, frame.height, bounds.height * zoom, MARGIN.height),
    zoom,
  };
}

function settle(offset, room, size, margin) {
  // Whole pixels: a line between two of them is blurred.
  if (size + 2 * margin <= room) return Math.round((room - size) / 2);
  return clamp(offset, room - size - margin, margin);
}

/** The nearest view of the same zoom in which the whole of a job is in sight. */
export function withInSight({ x, y, zoom }, frame, corner) {
  return {
    x: shift(x, frame.width, corner.x * zoom, NODE_SIZE.width * zoom),
    y: shift(y, frame.height, corner.y * zoom, NODE_SIZE.height * zoom),
    zoom,
  };
}

const EDGE = 12;

function shift(offset, room, start, size) {
  return clamp(offset, EDGE - start, Math.max(EDGE - start, room - EDGE - size - start));
}

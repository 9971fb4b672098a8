import { act, renderHook } from '@testing-library/react';
import { describe, expect, it, vi } from 'vitest';
import { nextSlice, SLICE, useInSlices } from '../../src/components/charts/useInSlices.js';

const jobs = (n, status) => Array.from({ length: n }, (_, at) => ({ id: `job_${at}`, status }));
const changedIn = (list, status) => list.filter((job) => job.status === status).length;

describe('changes of many jobs', () => {
  it('are shown so many at a time, until they are all there', () => {
    const after = jobs(100, 'succeeded');
    let shown = jobs(100, 'running');
    const counts = [];
    while (shown !== after) {
      shown = nextSlice(shown, after, 40);
      counts.push(changedIn(shown, 'succeeded'));
    }
    expect(counts).toEqual([40, 80, 100]);
  });

  it('leave out what did not change', () => {
    const before = jobs(100, 'running');
    const after = before.map((job, at) => (at % 10 === 9 ? { ...job, status: 'failed' } : job));
    expect(nextSlice(before, after, 10)).toBe(after);
    expect(changedIn(nextSlice(before, after, 4), 'failed')).toBe(4);
  });

  it('are shown at once where they are few, and over frames where they are many', () => {
    vi.useFakeTimers({ toFake: ['requestAnimationFrame', 'cancelAnimationFrame'] });
    const { result, rerender } = renderHook(useInSlices, {
      initialProps: jobs(SLICE * 2, 'queued'),
    });
    const few = result.current.map((job, at) => (at === 0 ? { ...job, status: 'running' } : job));
    rerender(few);
    expect(result.current).toBe(few);
    const many = jobs(SLICE * 2, 'succeeded');
    rerender(many);
    expect(changedIn(result.current, 'succeeded')).toBe(0);
    act(() => vi.advanceTimersToNextFrame());
    expect(changedIn(result.current, 'succeeded')).toBe(SLICE);
    act(() => vi.advanceTimersToNextFrame());
    expect(result.current).toBe(many);
    vi.useRealTimers();
  });
});

import { layoutGraph } from './layoutGraph.js';

self.addEventListener('message', ({ data }) => {
  try {
    self.postMessage({ positions: layoutGraph(data) });
  } catch (error) {
    self.postMessage({ error: error.message });
  }
});

import { layoutGraph } from './layoutGraph.js';

self.onmessage = ({ data }) => {
  try {
    self.postMessage({ positions: layoutGraph(data) });
  } catch (error) {
    self.postMessage({ error: error.message });
  }
};

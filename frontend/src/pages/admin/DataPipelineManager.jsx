export { PipelineListPage } from './PipelineListPage.jsx';
export { PipelinePage } from './PipelinePage.jsx';

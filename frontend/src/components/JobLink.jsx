import { Link } from '@tanstack/react-router';

/** A link that opens a job of the shown pipeline in the panel at the side. */
export function JobLink({ job, className, children }) {
  return (
    <Link
      from="/pipelines/$pipelineId"
      to="/pipelines/$pipelineId"
      search={(search) => ({ ...search, job })}
      className={className}
      activeOptions={{ includeSearch: true }}
      resetScroll={false}
    >
      {children}
    </Link>
  );
}

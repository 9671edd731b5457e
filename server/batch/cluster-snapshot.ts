export type { ClusterSnapshot } from './cluster-snapshot.gen';

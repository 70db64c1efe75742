export type ComponentType<P = unknown> = (props: P) => unknown

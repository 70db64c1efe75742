import type { modelInfo } from '@janhq/core'
import type { Model, ModelDetail } from 'kakeyad-client'

/**
 * quality says in words what a channel's codec costs, by its lattice range Q. The measurements behind the words
 * are in kakeyad's docs/eval.md.
 */
export function quality(codec: ModelDetail['kakeya']['codec']): string {
  if (!codec) return 'exact'
  if (codec.q >= 38) return 'near exact'
  if (codec.q >= 10) return 'compact'
  return 'advanced: answers get worse'
}

/** toInfo is a channel as the app lists it. What the app has no field for is in further keys. */
export function toInfo(m: Model, detail: ModelDetail | undefined, provider: string, port: number): modelInfo {
  const codec = detail?.kakeya.codec
  return {
    id: m.id,
    name: codec ? `${m.id} (${codec.name} q${codec.q}, ${quality(codec)})` : m.id,
    providerId: provider,
    port,
    sizeBytes: Number(detail?.kakeya.loaded?.bytes ?? 0),
    tags: [m.kakeya.state],
    ...(detail ? { path: detail.kakeya.file } : {}),
    channel: m.kakeya.channel,
    codec: codec ? `${codec.name}-q${codec.q}${codec.boundary ? `-b${codec.boundary}` : ''}` : 'none',
    quality: quality(codec),
    drafter: detail?.kakeya.drafter ?? 'none',
    warnings: m.kakeya.warnings ?? [],
  }
}

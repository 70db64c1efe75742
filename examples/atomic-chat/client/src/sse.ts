/**
 * The data of each event of a stream of server-sent events. Bytes may be cut anywhere, inside a character or
 * between CR and LF too; comments and other fields are passed over. An event that the end cuts short is dropped.
 */
export async function* events(body: ReadableStream<Uint8Array>): AsyncGenerator<string, void, undefined> {
  const reader = body.getReader()
  const decoder = new TextDecoder('utf-8')
  let text = ''
  let data: string[] = []
  let ended = false
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) {
        ended = true
        return
      }
      text += decoder.decode(value, { stream: true })
      let end: number
      while ((end = text.search(/\r\n|\n|\r(?!$)/)) >= 0) {
        const line = text.slice(0, end)
        text = text.slice(end + (text.startsWith('\r\n', end) ? 2 : 1))
        if (line === '') {
          if (data.length > 0) yield data.join('\n')
          data = []
        } else if (line.startsWith('data:')) {
          data.push(line.slice(line[5] === ' ' ? 6 : 5))
        }
      }
    }
  } finally {
    if (!ended) await reader.cancel().catch(() => undefined)
    reader.releaseLock()
  }
}

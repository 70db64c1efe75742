// Package attention computes attention over many tokens at once on the CPU, in place of ggml's kernel.
//
// ggml's flash attention of the release that we build on handles one query row at a time. While a prompt is read
// that is 30 to 40 % of the time; a kernel that tiles queries and cells, shares each tile of keys and values among
// all query heads of a KV head, and multiplies in registers takes about a tenth of that. It is linked in by the
// linker's --wrap on Linux and amd64 with AVX2; whatever it does not know (few tokens, ALiBi, soft caps,
// sinks) and every other machine goes to ggml's own. Importing the package is all it takes.
package attention

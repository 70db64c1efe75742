package backend

import "github.com/kakeyad/kakeyad/core/plugin/backend/backendpb"

func pageToWire(p Page) *backendpb.ExportPagesResponse {
	return &backendpb.ExportPagesResponse{Scope: p.Scope, Tokens: p.Tokens, Data: p.Data, Nominal: p.Nominal}
}

func pageFromWire(m *backendpb.ExportPagesResponse) Page {
	return Page{Scope: m.GetScope(), Tokens: m.GetTokens(), Data: m.GetData(), Nominal: m.GetNominal()}
}

func importToWire(r ImportRequest) *backendpb.ImportBegin {
	return &backendpb.ImportBegin{Model: string(r.Model), Scope: r.Scope, Tokens: r.Tokens, Available: int64(r.Available)}
}

func importFromWire(m *backendpb.ImportBegin) ImportRequest {
	return ImportRequest{
		Model:     ModelID(m.GetModel()),
		Scope:     m.GetScope(),
		Tokens:    m.GetTokens(),
		Available: int(m.GetAvailable()),
	}
}

func importResultToWire(r ImportResult) *backendpb.ImportResult {
	return &backendpb.ImportResult{Tokens: int64(r.Tokens), Restored: int64(r.Restored)}
}

func importResultFromWire(m *backendpb.ImportResult) ImportResult {
	return ImportResult{Tokens: int(m.GetTokens()), Restored: int(m.GetRestored())}
}

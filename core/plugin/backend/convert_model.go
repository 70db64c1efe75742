package backend

import (
	"time"

	"github.com/kakeyad/kakeyad/core/plugin/backend/backendpb"
)

// The functions xToWire and xFromWire are each other's inverse for values that the contract
// allows; slices and maps are shared, not copied.

func loadRequestToWire(r LoadRequest) *backendpb.LoadModelRequest {
	return &backendpb.LoadModelRequest{
		Id:      string(r.ID),
		Path:    r.Path,
		Options: optionsToWire(r.Options),
		Codec:   linkToWire(r.Bindings.Codec),
		Drafter: linkToWire(r.Bindings.Drafter),
	}
}

func loadRequestFromWire(m *backendpb.LoadModelRequest) LoadRequest {
	return LoadRequest{
		ID:       ModelID(m.GetId()),
		Path:     m.GetPath(),
		Options:  optionsFromWire(m.GetOptions()),
		Bindings: Bindings{Codec: linkFromWire(m.GetCodec()), Drafter: linkFromWire(m.GetDrafter())},
	}
}

func optionsToWire(o LoadOptions) *backendpb.LoadOptions {
	return &backendpb.LoadOptions{
		Context:      int64(o.Context),
		Parallel:     int64(o.Parallel),
		CacheTokens:  int64(o.CacheTokens),
		Batch:        int64(o.Batch),
		PrefillChunk: int64(o.PrefillChunk),
		Queue:        int64(o.Queue),
		Threads:      int64(o.Threads),
		GpuLayers:    int64(o.GPULayers),
		KvTypeK:      o.KVTypeK,
		KvTypeV:      o.KVTypeV,
		NoMmap:       o.NoMmap,
		Extra:        o.Extra,
		Cache: &backendpb.CacheOptions{
			Mode:        o.Cache.Mode,
			ParkAfterNs: int64(o.Cache.ParkAfter),
			Sinks:       int64(o.Cache.Sinks),
			Recent:      int64(o.Cache.Recent),
		},
	}
}

func optionsFromWire(m *backendpb.LoadOptions) LoadOptions {
	return LoadOptions{
		Context:      int(m.GetContext()),
		Parallel:     int(m.GetParallel()),
		CacheTokens:  int(m.GetCacheTokens()),
		Batch:        int(m.GetBatch()),
		PrefillChunk: int(m.GetPrefillChunk()),
		Queue:        int(m.GetQueue()),
		Threads:      int(m.GetThreads()),
		GPULayers:    int(m.GetGpuLayers()),
		KVTypeK:      m.GetKvTypeK(),
		KVTypeV:      m.GetKvTypeV(),
		NoMmap:       m.GetNoMmap(),
		Extra:        m.GetExtra(),
		Cache: CacheOptions{
			Mode:      m.GetCache().GetMode(),
			ParkAfter: time.Duration(m.GetCache().GetParkAfterNs()),
			Sinks:     int(m.GetCache().GetSinks()),
			Recent:    int(m.GetCache().GetRecent()),
		},
	}
}

func linkToWire(l *Link) *backendpb.Link {
	if l == nil {
		return nil
	}
	return &backendpb.Link{Plugin: l.Plugin, Address: l.Address, Secret: l.Secret, Params: l.Params, PatienceNs: int64(l.Patience)}
}

func linkFromWire(m *backendpb.Link) *Link {
	if m == nil {
		return nil
	}
	return &Link{Plugin: m.GetPlugin(), Address: m.GetAddress(), Secret: m.GetSecret(), Params: m.GetParams(), Patience: time.Duration(m.GetPatienceNs())}
}

func modelInfoToWire(i ModelInfo) *backendpb.ModelInfo {
	return &backendpb.ModelInfo{
		Architecture: i.Architecture,
		Name:         i.Name,
		Quantization: i.Quantization,
		Parameters:   i.Parameters,
		Layers:       int64(i.Layers),
		Embedding:    int64(i.Embedding),
		Heads:        int64(i.Heads),
		KvHeads:      int64(i.KVHeads),
		HeadDim:      int64(i.HeadDim),
		Vocabulary:   int64(i.Vocabulary),
		TrainContext: int64(i.TrainContext),
		ChatTemplate: i.ChatTemplate,
		Special:      i.Special,
		Text:         i.Text,
		Control:      i.Control,
		EndTokens:    i.EndTokens,
		AddBos:       i.AddBOS,
		Generative:   i.Generative,
		PageFormat:   i.PageFormat,
		Options:      optionsToWire(i.Options),
		Memory: &backendpb.Memory{
			Weights:         i.Memory.Weights,
			Kv:              i.Memory.KV,
			Compute:         i.Memory.Compute,
			KvBytesPerToken: i.Memory.KVBytesPerToken,
		},
	}
}

func modelInfoFromWire(m *backendpb.ModelInfo) ModelInfo {
	return ModelInfo{
		Architecture: m.GetArchitecture(),
		Name:         m.GetName(),
		Quantization: m.GetQuantization(),
		Parameters:   m.GetParameters(),
		Layers:       int(m.GetLayers()),
		Embedding:    int(m.GetEmbedding()),
		Heads:        int(m.GetHeads()),
		KVHeads:      int(m.GetKvHeads()),
		HeadDim:      int(m.GetHeadDim()),
		Vocabulary:   int(m.GetVocabulary()),
		TrainContext: int(m.GetTrainContext()),
		ChatTemplate: m.GetChatTemplate(),
		Special:      m.GetSpecial(),
		Text:         m.GetText(),
		Control:      m.GetControl(),
		EndTokens:    m.GetEndTokens(),
		AddBOS:       m.GetAddBos(),
		Generative:   m.GetGenerative(),
		PageFormat:   m.GetPageFormat(),
		Options:      optionsFromWire(m.GetOptions()),
		Memory: Memory{
			Weights:         m.GetMemory().GetWeights(),
			KV:              m.GetMemory().GetKv(),
			Compute:         m.GetMemory().GetCompute(),
			KVBytesPerToken: m.GetMemory().GetKvBytesPerToken(),
		},
	}
}

func statsToWire(s Stats) *backendpb.StatsResponse {
	return &backendpb.StatsResponse{
		Active:       int64(s.Active),
		Waiting:      int64(s.Waiting),
		Slots:        int64(s.Slots),
		CellsUsed:    int64(s.CellsUsed),
		Cells:        int64(s.Cells),
		Requests:     s.Requests,
		PromptTokens: s.PromptTokens,
		CachedTokens: s.CachedTokens,
		OutputTokens: s.OutputTokens,
		Steps:        s.Steps,
		StepTokens:   s.StepTokens,
		Preempted:    s.Preempted,
		BusyNs:       int64(s.Busy),

		PagesPacked:    s.PagesPacked,
		PackedBytes:    s.PackedBytes,
		TokensRestored: s.TokensRestored,
		Compiled:       s.Compiled,
		Draft:          draftToWire(s.Draft),
		DraftUnpaid:    s.DraftUnpaid,
		DraftFailed:    s.DraftFailed,
	}
}

func statsFromWire(m *backendpb.StatsResponse) Stats {
	return Stats{
		Active:       int(m.GetActive()),
		Waiting:      int(m.GetWaiting()),
		Slots:        int(m.GetSlots()),
		CellsUsed:    int(m.GetCellsUsed()),
		Cells:        int(m.GetCells()),
		Requests:     m.GetRequests(),
		PromptTokens: m.GetPromptTokens(),
		CachedTokens: m.GetCachedTokens(),
		OutputTokens: m.GetOutputTokens(),
		Steps:        m.GetSteps(),
		StepTokens:   m.GetStepTokens(),
		Preempted:    m.GetPreempted(),
		Busy:         time.Duration(m.GetBusyNs()),

		PagesPacked:    m.GetPagesPacked(),
		PackedBytes:    m.GetPackedBytes(),
		TokensRestored: m.GetTokensRestored(),
		Compiled:       m.GetCompiled(),
		Draft:          draftFromWire(m.GetDraft()),
		DraftUnpaid:    m.GetDraftUnpaid(),
		DraftFailed:    m.GetDraftFailed(),
	}
}

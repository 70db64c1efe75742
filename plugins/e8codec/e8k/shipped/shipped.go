// Package shipped holds the calibrations that come with the plugin: a folder each, with calibration.e8k.gz and its card,
// README.md.
package shipped

import (
	"embed"
)

//go:embed smollm2-135m
var files embed.FS

// folders are where the calibrations of models lie, by what general.name in their GGUF files says. How its weights are
// quantised changes a model's keys and values too little to matter.
var folders = map[string]string{
	"Smollm2 135M 8k Lc100K Mix1 Ep2": "smollm2-135m",
	"SmolLM2 135M Instruct":           "smollm2-135m",
	"SmolLM2-135M-Instruct":           "smollm2-135m",
}

// Of is the calibration of a model by general.name, compressed by gzip. Nil: there is none.
func Of(name string) []byte {
	folder, there := folders[name]
	if !there {
		return nil
	}
	file, err := files.ReadFile(folder + "/calibration.e8k.gz")
	if err != nil {
		panic(err) // what is built in can be read
	}
	return file
}

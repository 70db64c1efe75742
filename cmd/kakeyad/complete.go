package main

import (
	"fmt"
	"os"
	"regexp"
	"strconv"

	"github.com/spf13/cobra"
)

// completeChannels offers the names and aliases of the configuration's channels to the shell.
func completeChannels(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	cfg, err := loadConfig(cmd)
	if err != nil || len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []cobra.Completion
	for _, c := range cfg.Set.All() {
		names = append(names, cobra.CompletionWithDesc(c.Name, c.ID.String()))
		for _, alias := range c.Aliases {
			names = append(names, cobra.CompletionWithDesc(alias, "the same as "+c.Name))
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

var firstPart = regexp.MustCompile(`-00001-of-(\d{5})\.gguf$`)

// partsOf are the files of a model: the file itself, and those later parts of a split one that are there.
func partsOf(path string) []string {
	parts := []string{path}
	of := firstPart.FindStringSubmatch(path)
	if of == nil {
		return parts
	}
	n, _ := strconv.Atoi(of[1]) // five digits
	for i := 2; i <= n; i++ {
		later := fmt.Sprintf("%s-%05d-of-%s.gguf", firstPart.ReplaceAllString(path, ""), i, of[1])
		if _, err := os.Stat(later); err == nil {
			parts = append(parts, later)
		}
	}
	return parts
}

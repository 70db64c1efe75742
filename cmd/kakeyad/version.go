package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/kakeyad/kakeyad/core/plugin/base"
)

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version, and the plugin API that goes with it",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "kakeyad %s, plugin API %d, %s %s/%s\n",
				version, base.APIVersion, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}

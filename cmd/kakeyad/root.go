package main

import (
	"github.com/spf13/cobra"

	"github.com/kakeyad/kakeyad/core/config"
)

const rootHelp = `kakeyad serves language models on your own machine over the OpenAI API.

A request's "model" names a channel: a model file, the backend plugin that runs it, and how. Channels
come from a configuration file; without one, every GGUF file in the models folder is a channel.

  kakeyad serve                            serve the models in ./models on 127.0.0.1:8317
  kakeyad serve --config kakeyad.yaml      serve what a file says, and follow its changes
  kakeyad run CHANNEL                      chat in the terminal
  kakeyad pull OWNER/REPO[:QUANT]          fetch a model from Hugging Face
  kakeyad list                             the channels of a configuration
  kakeyad show CHANNEL                     what a channel is made of, and its model file
  kakeyad rm CHANNEL                       remove a channel's model file
  kakeyad ps                               what a running daemon has loaded
  kakeyad eval CHANNEL --text FILE         what a channel's KV cache costs in quality and takes in bytes
  kakeyad calibrate CHANNEL --text FILE    learn a model for the codec e8k
  kakeyad experiments                      what channels that are two have come to, in a running daemon
  kakeyad bench CHANNEL --drafters         what drafters bring to a channel of a running daemon
  kakeyad plugin list, info, new, test     the plugins there are, and how to write one

Any key of the file can also be given as an environment variable: KAKEYAD_LISTEN, KAKEYAD_DATA_DIR,
and KAKEYAD_SERVER__MAX_BODY for server.max_body. Flags win over variables, variables over the file.`

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "kakeyad",
		Short:         "Serve language models over the OpenAI API",
		Long:          rootHelp,
		SilenceUsage:  true,
		SilenceErrors: true,
		Version:       version,
	}
	root.SetVersionTemplate("kakeyad {{.Version}}\n")
	root.AddCommand(newServe(), newRun(), newPull(), newList(), newShow(), newRm(), newPS(), newEval(), newCompare(), newCalibrate(), newExperiments(), newBench(), newPlugin(), newVersion())
	return root
}

// addConfigFlags adds what every command that reads the configuration takes.
func addConfigFlags(cmd *cobra.Command) {
	cmd.Flags().StringP("config", "c", "", "configuration `FILE` (YAML); by default what KAKEYAD_CONFIG names, else none")
	config.AddFlags(cmd.Flags())
	if err := cmd.MarkFlagFilename("config", "yaml", "yml"); err != nil {
		panic(err) // the flag is there: it was added above
	}
}

// configOptions are the options that the command's flags come to.
func configOptions(cmd *cobra.Command) (config.Options, error) {
	file, err := cmd.Flags().GetString("config")
	return config.Options{File: file, Flags: cmd.Flags()}, err
}

func loadConfig(cmd *cobra.Command) (*config.Config, error) {
	o, err := configOptions(cmd)
	if err != nil {
		return nil, err
	}
	return config.Load(o)
}

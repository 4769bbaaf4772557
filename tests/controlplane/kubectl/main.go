// Command kubectl is the real one, for machines that have none that fits.
package main

import (
	"k8s.io/component-base/cli"
	"k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/util"

	// kubectl's own main registers these, too: without them a kubeconfig with
	// an auth provider fails in a way that differs from the real program.
	_ "k8s.io/client-go/plugin/pkg/client/auth"
)

func main() {
	// RunNoErrOutput and CheckErr as in kubectl's own main, for the same messages
	// and exit statuses.
	if err := cli.RunNoErrOutput(cmd.NewDefaultKubectlCommand()); err != nil {
		util.CheckErr(err)
	}
}

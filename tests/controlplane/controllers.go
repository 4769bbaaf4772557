package main

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/controller-manager/pkg/informerfactory"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/controller/certificates/rootcacertpublisher"
	"k8s.io/kubernetes/pkg/controller/garbagecollector"
	"k8s.io/kubernetes/pkg/controller/namespace"
	"k8s.io/kubernetes/pkg/controller/serviceaccount"
)

// As kube-controller-manager has them by default.
const (
	resync             = 12 * time.Hour
	namespaceResync    = 5 * time.Minute
	namespaceWorkers   = 10
	collectorWorkers   = 20
	discoveryRefreshed = 30 * time.Second
)

// manager is kube-controller-manager with the controllers that the tests need.
// The others serve nodes and workloads: with the parts of kubelet, scheduler and
// volumes that stand below them they were a seventh of the packages to compile.
// Each controller is Kubernetes' own; this file only starts them.
type manager struct {
	kubeconfig, rootCA string
	controllers        []string
	qps                float32
	burst              int

	config          *rest.Config
	client          kubernetes.Interface
	informers       informers.SharedInformerFactory
	informersRun    chan struct{}
	metadata        metadata.Interface
	metadataFactory metadatainformer.SharedInformerFactory
}

// start makes a controller and gives what runs it until its context ends.
type start func(*manager, context.Context) (func(context.Context), error)

var controllers = map[string]start{
	"namespace-controller":                     (*manager).namespaces,
	"garbage-collector-controller":             (*manager).garbageCollector,
	"serviceaccount-controller":                (*manager).serviceAccounts,
	"root-ca-certificate-publisher-controller": (*manager).rootCAPublisher,
}

func newControllerManagerCommand() *cobra.Command {
	m := &manager{}
	command := &cobra.Command{
		Use:          "kube-controller-manager",
		SilenceUsage: true,
		Args:         cobra.NoArgs,
		RunE:         func(*cobra.Command, []string) error { return m.run(genericapiserver.SetupSignalContext()) },
	}
	flags := command.Flags()
	flags.StringVar(&m.kubeconfig, "kubeconfig", "", "of a user who may do everything")
	flags.StringVar(&m.rootCA, "root-ca-file", "", "the CA that every namespace is told")
	flags.StringSliceVar(&m.controllers, "controllers", nil, "which to run")
	flags.Float32Var(&m.qps, "kube-api-qps", 20, "requests a second")
	flags.IntVar(&m.burst, "kube-api-burst", 30, "requests at once")
	// Taken because the real program has to be told not to.
	flags.Bool("leader-elect", false, "never done")
	flags.Int("secure-port", 0, "never opened")
	return command
}

func (m *manager) run(ctx context.Context) error {
	config, err := clientcmd.BuildConfigFromFlags("", m.kubeconfig)
	if err != nil {
		return err
	}
	config.QPS, config.Burst = m.qps, m.burst
	m.config = config
	if m.client, err = kubernetes.NewForConfig(config); err != nil {
		return err
	}
	if m.metadata, err = metadata.NewForConfig(config); err != nil {
		return err
	}
	m.informers = informers.NewSharedInformerFactory(m.client, resync)
	m.metadataFactory = metadatainformer.NewSharedInformerFactory(m.metadata, resync)
	m.informersRun = make(chan struct{})
	m.waitForServer(ctx)

	var running sync.WaitGroup
	for _, name := range m.controllers {
		start, known := controllers[name]
		if !known {
			return fmt.Errorf("this build has no controller %q", name)
		}
		run, err := start(m, ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		running.Go(func() { run(ctx) })
	}
	m.informers.Start(ctx.Done())
	m.metadataFactory.Start(ctx.Done())
	close(m.informersRun)
	running.Wait()
	<-ctx.Done()
	return nil
}

// waitForServer has no deadline: on a busy machine the API server may need any
// time, and who started both gives up when it wants to. The real program ends
// after ten seconds.
func (m *manager) waitForServer(ctx context.Context) {
	_ = wait.PollUntilContextCancel(ctx, 200*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		err := m.client.Discovery().RESTClient().Get().AbsPath("/healthz").Do(ctx).Error()
		if err != nil {
			klog.FromContext(ctx).V(2).Info("The API server is not healthy yet", "error", err)
		}
		return err == nil, nil
	})
}

func (m *manager) namespaces(ctx context.Context) (func(context.Context), error) {
	// It makes many requests for each namespace that ends.
	config := rest.CopyConfig(m.config)
	config.QPS *= 20
	config.Burst *= 100
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	metadata, err := metadata.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	controller := namespace.NewNamespaceController(
		ctx, client, metadata, client.Discovery().ServerPreferredNamespacedResources,
		m.informers.Core().V1().Namespaces(), namespaceResync, corev1.FinalizerKubernetes,
	)
	return func(ctx context.Context) { controller.Run(ctx, namespaceWorkers) }, nil
}

func (m *manager) garbageCollector(ctx context.Context) (func(context.Context), error) {
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(m.client.Discovery()))
	go wait.UntilWithContext(ctx, func(context.Context) { mapper.Reset() }, discoveryRefreshed)
	// It must not share its discovery with the mapper, which it resets.
	client, err := kubernetes.NewForConfig(m.config)
	if err != nil {
		return nil, err
	}
	collector, err := garbagecollector.NewGarbageCollector(
		ctx, client, m.metadata, mapper, garbagecollector.DefaultIgnoredResources(),
		informerfactory.NewInformerFactory(m.informers, m.metadataFactory), m.informersRun,
	)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) {
		go collector.Sync(ctx, client.Discovery(), discoveryRefreshed)
		collector.Run(ctx, collectorWorkers, discoveryRefreshed)
	}, nil
}

func (m *manager) serviceAccounts(ctx context.Context) (func(context.Context), error) {
	controller, err := serviceaccount.NewServiceAccountsController(
		klog.FromContext(ctx), m.informers.Core().V1().ServiceAccounts(), m.informers.Core().V1().Namespaces(),
		m.client, serviceaccount.DefaultServiceAccountsControllerOptions(),
	)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) { controller.Run(ctx, 1) }, nil
}

func (m *manager) rootCAPublisher(context.Context) (func(context.Context), error) {
	ca, err := os.ReadFile(m.rootCA)
	if err != nil {
		return nil, err
	}
	controller, err := rootcacertpublisher.NewPublisher(
		m.informers.Core().V1().ConfigMaps(), m.informers.Core().V1().Namespaces(), m.client, ca,
	)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) { controller.Run(ctx, 1) }, nil
}

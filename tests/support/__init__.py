"""What the tests share: control plane, certificates, programs, clients."""

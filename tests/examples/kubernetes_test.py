#!/usr/bin/env python3
"""The manifests of examples/kubernetes against Kubernetes' own schemas, and what in them has to agree.

Needs kubernetes-validate from PyPI (100 MB of schemas), which the set-up does not install: without it the test is skipped. The
schema of an MPIJob is its operator's; of these the pods within are checked.
"""
import pathlib
import unittest

try:
    import kubernetes_validate
    import yaml
except ImportError:
    kubernetes_validate = None

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "examples/kubernetes"


def documents(name):
    return list(yaml.safe_load_all((FOLDER / name).read_text()))


@unittest.skipIf(kubernetes_validate is None, "kubernetes-validate is not installed")
class Manifests(unittest.TestCase):
    def accept(self, document):
        kubernetes_validate.validate(document, "1.33", strict=True)

    def test_kubernetes_accepts_the_job(self):
        claim, service, job = documents("train.yaml")
        for document in (claim, service, job):
            self.accept(document)
        pod = job["spec"]["template"]["spec"]
        arguments = pod["containers"][0]["args"]
        name, port = job["metadata"]["name"], service["spec"]["ports"][0]["port"]
        self.assertIn(f"--rdzv-endpoint={name}-0.{service['metadata']['name']}:{port}", arguments)
        self.assertIn(f"--nnodes={job['spec']['completions']}", arguments)
        self.assertEqual(job["spec"]["completions"], job["spec"]["parallelism"])
        self.assertEqual(pod["subdomain"], service["metadata"]["name"])
        self.assertEqual(service["spec"]["selector"], {"job-name": name})
        self.assertEqual(pod["volumes"][0]["persistentVolumeClaim"]["claimName"], claim["metadata"]["name"])

    def test_what_is_wrong_is_refused(self):
        job = documents("train.yaml")[2]
        job["spec"]["completions"] = "four"
        with self.assertRaises(kubernetes_validate.ValidationError):
            self.accept(job)

    def test_kubernetes_accepts_the_pods_of_the_mpi_job(self):
        (job,) = documents("train-mpi.yaml")
        replicas = job["spec"]["mpiReplicaSpecs"]
        self.assertEqual(set(replicas), {"Launcher", "Worker"})
        for role, spec in replicas.items():
            pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": role.lower()}, "spec": spec["template"]["spec"]}
            self.accept(pod)
        arguments = replicas["Launcher"]["template"]["spec"]["containers"][0]["args"]
        self.assertEqual(int(arguments[arguments.index("-n") + 1]),
                         replicas["Worker"]["replicas"] * job["spec"]["slotsPerWorker"])


if __name__ == "__main__":
    unittest.main()

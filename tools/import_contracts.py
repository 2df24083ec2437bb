"""Import-linter contracts of our own: the order inside a domain, and what others see of it.

Both find the domains by looking: a domain is every package of the program that is not in
`not_domains`, so a new one is under contract from its first line.
"""

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output
from importlinter.contracts.layers import LayersContract
from importlinter.domain.imports import ModuleExpression


def find_domains(graph: ImportGraph, not_domains: list[str]) -> list[str]:
    """Answer the packages of `lyceum` that mean something, sorted."""
    return sorted(set(graph.find_children("lyceum")) - set(not_domains))


class DomainShapeContract(LayersContract):
    """The layers contract, with every domain as a container."""

    type_name = "domain_shape"

    not_domains = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Tell whether every domain keeps the order and the vocabulary."""
        domains = find_domains(graph, self.not_domains)  # type: ignore[arg-type]
        self.containers = [ModuleExpression(domain) for domain in domains]  # type: ignore[assignment]
        return super().check(graph, verbose)


class DomainPrivacyContract(Contract):
    """Other domains see `public` modules only; `peer` modules see their namesakes.

    The composition root sees everything, since it wires the doors together.
    """

    type_name = "domain_privacy"

    not_domains = fields.ListField(subfield=fields.StringField())
    public = fields.ListField(subfield=fields.StringField())
    peer = fields.ListField(subfield=fields.StringField())
    composition_root = fields.StringField()

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Tell whether somebody imports what is another domain's own."""
        leaks = [
            f"{importer} -> {module}"
            for domain in find_domains(graph, self.not_domains)  # type: ignore[arg-type]
            for module in graph.find_descendants(domain)
            for importer in graph.find_modules_that_directly_import(module)
            if not self._may_see(importer, domain, module)
        ]
        return ContractCheck(kept=not leaks, metadata={"leaks": sorted(leaks)})

    def _may_see(self, importer: str, domain: str, module: str) -> bool:
        name = module.removeprefix(f"{domain}.").split(".")[0]
        at_home = importer.startswith((f"{domain}.", f"{self.composition_root}."))
        public, peer = list(self.public), list(self.peer)  # type: ignore[call-overload]
        return at_home or name in public or (name in peer and importer.split(".")[2:3] == [name])

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print each import that goes too deep."""
        for leak in check.metadata["leaks"]:
            output.print_error(leak)

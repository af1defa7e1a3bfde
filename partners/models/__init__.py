"""What leaves the house, and the business around it."""

from partners.models.business import (
    Contract,
    ContractCoverage,
    PartnerNote,
    Proposal,
    ProposalState,
    Tender,
    TenderQuestion,
    TenderState,
)
from partners.models.forwarding import (
    KEEPERS,
    AttemptOutcome,
    Delivery,
    DeliveryAttempt,
    DeliveryState,
    DeliverySubject,
    Destination,
    DestinationKind,
)

__all__ = [
    "AttemptOutcome",
    "Contract",
    "ContractCoverage",
    "Delivery",
    "DeliveryAttempt",
    "DeliveryState",
    "DeliverySubject",
    "KEEPERS",
    "Destination",
    "DestinationKind",
    "PartnerNote",
    "Proposal",
    "ProposalState",
    "Tender",
    "TenderQuestion",
    "TenderState",
]

"""The closed list of faults: the only place where a code is named, with its severity, its words and its
article. A port that the POS holds is a state of the port and is not in this list."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from operator import attrgetter

from protocols.errors import UsageError
from protocols.status.model import DeviceState


class Severity(StrEnum):
    """What it means for the till. `critical`: it cannot sell or loses fiscal data; `error`: a function is
    down; `warning`: it will be soon; `info`: worth knowing."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Fault:
    code: str
    severity: Severity
    lv: str
    en: str
    ru: str

    @property
    def subject(self) -> str:
        return self.code.partition(".")[0]

    @property
    def article(self) -> str:
        """Slug of the knowledge article about this fault."""
        return self.code.replace(".", "-").replace("_", "-")

    def title(self, language: str) -> str:
        return {"lv": self.lv, "ru": self.ru}.get(language, self.en)


_W, _E, _C = Severity.WARNING, Severity.ERROR, Severity.CRITICAL

_ALL = (
    Fault("printer.cover_open", _E, "Printera vāks ir atvērts", "Printer cover is open", "Крышка принтера открыта"),
    Fault("printer.paper_end", _E, "Printerim beidzies papīrs", "Printer is out of paper", "В принтере закончилась бумага"),
    Fault("printer.paper_near_end", _W, "Printera papīrs drīz beigsies", "Printer paper is near its end", "Бумага в принтере скоро закончится"),
    Fault("printer.head_lever_up", _E, "Drukas galvas svira ir pacelta", "Print head lever is up", "Рычаг печатающей головки поднят"),
    Fault("printer.head_overheat", _E, "Drukas galva ir pārkarsusi", "Print head is too hot", "Печатающая головка перегрета"),
    Fault("printer.cutter_error", _E, "Papīra nazis ir iestrēdzis", "Paper cutter is jammed", "Заклинил отрезчик бумаги"),
    Fault("printer.mechanism_error", _C, "Printera mehānisma kļūda", "Printer mechanism has failed", "Ошибка механизма принтера"),
    Fault("printer.power_supply", _C, "Printera barošanas kļūda", "Printer power supply is faulty", "Неисправно питание принтера"),
    Fault("printer.offline", _E, "Printeris ir bezsaistē", "Printer is offline", "Принтер не в сети"),
    Fault("fiscal.memory_full", _C, "Fiskālā atmiņa ir pilna", "Fiscal memory is full", "Фискальная память заполнена"),
    Fault("fiscal.memory_near_full", _W, "Fiskālā atmiņa ir gandrīz pilna", "Fiscal memory is nearly full", "Фискальная память почти заполнена"),
    Fault("fiscal.memory_error", _C, "Fiskālās atmiņas kļūda", "Fiscal memory has failed", "Ошибка фискальной памяти"),
    Fault("fiscal.memory_readonly", _C, "Fiskālā atmiņa ir tikai lasāma", "Fiscal memory is read-only", "Фискальная память только для чтения"),
    Fault("fiscal.memory_missing", _C, "Fiskālā atmiņa nav atrasta", "Fiscal memory is missing", "Фискальная память не найдена"),
    Fault("fiscal.journal_near_full", _W, "Elektroniskais žurnāls ir gandrīz pilns", "Electronic journal is nearly full", "Электронный журнал почти заполнен"),
    Fault("fiscal.journal_full", _C, "Elektroniskais žurnāls ir pilns", "Electronic journal is full", "Электронный журнал заполнен"),
    Fault("fiscal.day_over_24h", _E, "Maiņa ilgst vairāk nekā 24 stundas", "Fiscal day is longer than 24 hours", "Смена длится более 24 часов"),
    Fault("fiscal.clock_not_set", _C, "Fiskālās ierīces pulkstenis nav iestatīts", "Fiscal device clock is not set", "Часы фискального устройства не установлены"),
    Fault("fiscal.clock_drift", _W, "Fiskālās ierīces pulkstenis ir nobīdījies", "Fiscal device clock has drifted", "Часы фискального устройства сбились"),
    Fault("fiscal.ram_reset", _C, "Fiskālās ierīces operatīvā atmiņa ir atiestatīta", "Fiscal device memory was reset", "Оперативная память фискального устройства сброшена"),
    Fault("fiscal.battery_low", _E, "Fiskālās ierīces baterija ir tukša", "Fiscal device battery is low", "Разряжена батарея фискального устройства"),
    Fault("fiscal.tax_link", _E, "Nav saites ar nodokļu termināli", "Tax terminal does not respond", "Нет связи с налоговым терминалом"),
    Fault("fiscal.not_registered", _C, "Ierīce nav fiskalizēta", "Device is not fiscalised", "Устройство не фискализировано"),
    Fault("drawer.open_too_long", _W, "Naudas atvilktne ir atvērta pārāk ilgi", "Cash drawer has been open too long", "Денежный ящик открыт слишком долго"),
    Fault("drawer.stuck", _E, "Naudas atvilktne neatveras", "Cash drawer does not open", "Денежный ящик не открывается"),
    Fault("device.no_reply", _E, "Ierīce neatbild", "Device does not answer", "Устройство не отвечает"),
    Fault("device.port_missing", _E, "Ierīces ports nav atrasts", "Device port is missing", "Порт устройства не найден"),
    Fault("device.protocol_mismatch", _W, "Portā atbild cita veida ierīce", "Another kind of device answers on the port", "На порту отвечает устройство другого типа"),
    Fault("device.identity_changed", _W, "Portam pievienota cita ierīce", "Another device is on the port", "К порту подключено другое устройство"),
    Fault("host.disk_low", _W, "Diskā maz vietas", "Disk space is low", "Мало места на диске"),
    Fault("host.disk_failing", _C, "Disks bojājas", "Disk is failing", "Диск выходит из строя"),
    Fault("host.memory_low", _W, "Maz brīvas atmiņas", "Memory is low", "Мало свободной памяти"),
    Fault("host.too_hot", _E, "Kases dators ir pārkarsis", "Till computer is too hot", "Компьютер кассы перегрет"),
    Fault("host.clock_drift", _W, "Kases datora pulkstenis ir nobīdījies", "Till computer clock has drifted", "Часы компьютера кассы сбились"),
    Fault("host.service_down", _E, "Serviss nedarbojas", "A service is not running", "Служба не работает"),
    Fault("host.pos_not_running", _E, "Kases programma nedarbojas", "POS application is not running", "Кассовая программа не работает"),
    Fault("host.on_battery", _W, "Kases dators darbojas no baterijas", "Till computer runs on battery", "Компьютер кассы работает от батареи"),
    Fault("host.unclean_shutdown", _W, "Kases dators izslēgts nekorekti", "Till computer was not shut down cleanly", "Компьютер кассы выключен некорректно"),
    Fault("backup.failed", _E, "Rezerves kopija neizdevās", "Backup failed", "Резервная копия не создана"),
    Fault("backup.overdue", _E, "Rezerves kopija kavējas", "Backup is overdue", "Резервная копия просрочена"),
    Fault("backup.restore_failed", _C, "Rezerves kopiju neizdevās atjaunot", "Backup could not be restored", "Резервную копию не удалось восстановить"),
    Fault("backup.repository_unreachable", _W, "Rezerves kopiju krātuve nav sasniedzama", "Backup repository is unreachable", "Хранилище резервных копий недоступно"),
    Fault("backup.suspicious", _C, "Rezerves kopija izskatās aizdomīgi", "Backup looks suspicious", "Резервная копия выглядит подозрительно"),
    Fault("backup.place_not_allowed", _E, "Rezerves kopiju vieta nav atļauta", "Backup place is not allowed", "Место хранения копий не разрешено"),
    Fault("software.uncertified", _E, "Programmas versija nav sertificēta", "Software version is not certified", "Версия программы не сертифицирована"),
    Fault("software.version_changed", _W, "Programmas versija ir mainīta", "Software version has changed", "Версия программы изменилась"),
    Fault("agent.silent", _E, "Aģents klusē", "Agent is silent", "Агент молчит"),
    Fault("agent.clone", _C, "Divas kases lieto vienu identitāti", "Two tills use one identity", "Две кассы используют одну идентичность"),
    Fault("agent.queue_filling", _W, "Aģenta rinda pildās", "Agent queue is filling", "Очередь агента заполняется"),
    Fault("agent.update_failed", _E, "Aģenta atjaunināšana neizdevās", "Agent update failed", "Обновление агента не удалось"),
    Fault("agent.over_budget", _W, "Aģents pārsniedz resursu limitu", "Agent exceeds its resource budget", "Агент превышает лимит ресурсов"),
    Fault("site.offline", _E, "Vietas pieslēgums nedarbojas", "Site is offline", "Объект не в сети"),
)  # fmt: skip

FAULTS: Mapping[str, Fault] = {fault.code: fault for fault in _ALL}


def fault(code: str) -> Fault:
    """The entry of a code. A code that is not in the list is a bug of the caller: UsageError."""
    try:
        return FAULTS[code]
    except KeyError:
        raise UsageError(f"{code!r} is not in the closed list of fault codes") from None


# One line per condition that a single state shows by itself. Conditions that need time (open too long, drift, a day
# without Z) are judged by the agent's health room.
_WHEN_TRUE = {
    "printer.cover_open": "cover_open",
    "printer.paper_end": "paper_end",
    "printer.paper_near_end": "paper_near_end",
    "printer.head_lever_up": "head_lever_up",
    "printer.head_overheat": "head_overheat",
    "printer.cutter_error": "cutter_error",
    "printer.mechanism_error": "mechanism_error",
    "printer.power_supply": "power_supply_fault",
    "fiscal.memory_full": "fiscal_memory_full",
    "fiscal.memory_near_full": "fiscal_memory_near_full",
    "fiscal.memory_error": "fiscal_memory_error",
    "fiscal.memory_readonly": "fiscal_memory_readonly",
    "fiscal.memory_missing": "fiscal_memory_missing",
    "fiscal.journal_full": "journal_full",
    "fiscal.journal_near_full": "journal_near_full",
    "fiscal.day_over_24h": "day_over_24h",
    "fiscal.ram_reset": "ram_reset",
    "fiscal.battery_low": "battery_low",
    "fiscal.tax_link": "tax_link_fault",
}
_VALUES_OF = attrgetter(*_WHEN_TRUE.values())
_WHEN_FALSE = {"printer.offline": "online", "fiscal.clock_not_set": "clock_set"}


def conditions(state: DeviceState) -> dict[str, bool | None]:
    """Every fault code that one state can show -> present, absent or unknown (None)."""
    found: dict[str, bool | None] = dict(zip(_WHEN_TRUE, _VALUES_OF(state), strict=True))
    for code, name in _WHEN_FALSE.items():
        value = getattr(state, name)
        found[code] = None if value is None else not value
    found["fiscal.not_registered"] = _not_registered(state)
    return found


def _not_registered(state: DeviceState) -> bool | None:
    marks = (state.fiscalised, state.tax_number_set, state.numbers_set)
    if False in marks:
        return True
    return False if True in marks else None


def present(state: DeviceState) -> list[str]:
    """The codes that the state shows for certain, in the order of the list."""
    found = conditions(state)
    return [code for code in FAULTS if found.get(code)]
